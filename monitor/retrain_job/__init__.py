"""One retraining: from a request to a candidate model, and whether it may replace the current one.

ranges, topic, reading     the records that the request names, read back from Kafka
comparison                 older normal records, and labelled anomalies, to compare with
current, settings          the model in service, and how it was trained
candidate                  hold out, mix, trim, train
evaluation, replay         both models side by side
broken_input, gates        passed, refused or not applicable, each with a sentence
pictures, report, folder   report.md, report.json, plots/, whole or not at all
run, order                 train and judge; all of it, as the command line or a request orders
"""
