"""Evidence: a bounded sample of records that a person can look at.

    sampling   picks rows of each batch, where they are scored
    ring       what is kept of them: top anomalies, recent normal rows, each episode's before, after
    looking    what can be seen of a row: values and what was expected, or a small picture
    folder     the same on disk
    keeper     puts these together, and lets no error out

Nothing here decides anything: with evidence or without, verdicts and events are the same.
"""
