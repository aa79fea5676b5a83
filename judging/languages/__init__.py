"""The languages that submissions may be written in, one TOML file each."""

from judging.languages.language import CompileLimits, Language, Languages
from judging.languages.reading import LanguageError, language_of, load_languages

__all__ = [
    "CompileLimits",
    "Language",
    "LanguageError",
    "Languages",
    "language_of",
    "load_languages",
]
