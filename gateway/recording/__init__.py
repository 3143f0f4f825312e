"""Recordings: what platforms sent, with every personal value replaced. `pseudonyms` replaces one value, `values` knows
which values are personal, `texts` finds them in an answer, `folder` keeps exchanges, `recorder` does all of it.
"""
