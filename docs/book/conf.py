# SPDX-License-Identifier: GPL-2.0-or-later
# Settings of Sphinx for the book; scripts/build-docs calls it.

import os
import sys

sys.path.insert(0, os.path.dirname(__file__))

project = 'qemu-net-daemon'
author = 'the authors of qemu-net-daemon'
copyright = '2026, ' + author
master_doc = 'index'
extensions = ['sphinx.ext.graphviz', 'links']
nitpicky = True
smartquotes = False
highlight_language = 'none'
option_emphasise_placeholders = False

html_theme = 'alabaster'
html_title = 'qemu-net-daemon'
html_short_title = html_title
html_static_path = ['static']
html_copy_source = False
html_show_sphinx = False
html_sidebars = {'**': ['about.html', 'searchbox.html', 'navigation.html']}
html_theme_options = {
    'description': 'the network of a VM that goes on while the VM is stopped',
    'page_width': '1220px',
    'sidebar_width': '270px',
    'font_family': 'sans-serif',
    'head_font_family': 'sans-serif',
    'code_font_family': '"DejaVu Sans Mono", Menlo, Consolas, monospace',
    'font_size': '15px',
    'code_font_size': '13px',
    'fixed_sidebar': True,
    'show_powered_by': False,
    'show_relbar_top': False,
    'show_relbar_bottom': True,
    'sidebar_collapse': True,
}

graphviz_output_format = 'svg'
graphviz_dot_args = [
    '-Gbgcolor=transparent', '-Grankdir=LR', '-Gfontname=Helvetica', '-Gfontsize=12',
    '-Gnodesep=0.3', '-Granksep=0.45',
    '-Nshape=box', '-Nstyle=filled,rounded', '-Nfillcolor=#eef3f8', '-Ncolor=#46627f',
    '-Nfontname=Helvetica', '-Nfontsize=12', '-Nheight=0.35', '-Nmargin=0.12,0.06',
    '-Efontname=Helvetica', '-Efontsize=11', '-Ecolor=#46627f', '-Earrowsize=0.7',
]
