"""The log read without Faust."""
