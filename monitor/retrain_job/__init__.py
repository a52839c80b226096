"""One retraining: from a request to a candidate model, and whether it may replace the current one.

ranges, topic, reading     the records that the request names, read back from Kafka
before                     older normal records, and labelled anomalies, to compare with
current                    the model in service; settings: how it was trained
candidate                  hold out, mix, trim, train
evaluation, replay         both models side by side
broken_input, gates        passed, refused or not applicable, each with a sentence
pictures, report           report.md, report.json, plots/
run                        all of it, in order
"""
