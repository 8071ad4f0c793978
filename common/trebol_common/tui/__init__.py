"""The toolkit of Trebol's console screens: pages as values, and urwid to draw them."""
