"""Output validators: is this output right for this test?"""
