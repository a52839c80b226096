"""The words by which users and their programs know this project, as text that a test compares.

What is listed: metrics, configuration, commands, messages, files, web server, reasons and log
lines. How the words are gathered does not depend on where a thing lies in the code.
"""
