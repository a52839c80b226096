"""Changes of records that a person names, to see how soon drift is found: "flow + 0.5 sd".

`grammar.py` reads the words, `features.py` changes one feature of vectors and series,
`pictures.py` pictures, `mixed.py` puts records of another file among the normal ones.
"""
