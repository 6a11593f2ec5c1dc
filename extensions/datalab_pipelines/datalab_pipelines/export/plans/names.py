"""Names of pipelines and stages, from what a person wrote as a title."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 30
# "2.1 Train", "IV) Train", "B. Train", "Step 3: train" are called train.
COUNTED = re.compile(
    r"\A\W*(?:(?:step|part|section|chapter|phase|task|question|exercise)\s+"
    r"(?:\d+|[ivx]+|[a-z])\b[\s.):,–—-]*|(?:[ivx]+|[a-z])\s*[.)]\s+)(?=.*[^\W\d])",
    re.IGNORECASE,
)
SMALL = {  # said in a title, and missed by nobody in a name that would be cut
    *("a", "an", "and", "are", "as", "at", "be", "by", "can", "do", "does", "each", "for", "from"),
    *("has", "have", "how", "i", "in", "into", "is", "it", "its", "let", "lets", "me", "my", "of"),
    *("on", "or", "our", "s", "some", "so", "that", "the", "their", "them", "there", "these"),
    *("they", "this", "those", "to", "us", "using", "was", "we", "were", "what", "which", "who"),
    *("will", "with", "you", "your"),
}
DANGLING = {  # at the end of a name that was cut
    *(SMALL - {"do", "let"}),
    *("about", "across", "after", "against", "before", "between", "but", "if", "not", "over"),
    *("per", "than", "through", "under", "versus", "via", "vs", "when", "where", "whether"),
    *("within", "without"),
}
WORD = re.compile(r"[a-z0-9]+")
CLAUSE = re.compile(r"[,;:–—|]|\s-\s|\b(?:and|or|und|et|y)\b", re.IGNORECASE)  # another one begins
_RUSSIAN = "a b v g d e e zh z i y k l m n o p r s t u f kh ts ch sh shch  y  e yu ya"
CYRILLIC = str.maketrans(
    dict(zip("абвгдеёжзийклмнопрстуфхцчшщъыьэюя", _RUSSIAN.split(" "), strict=True))
)


def slug(text: str, by: str) -> str:
    """Return ``text`` as a name of ASCII letters and digits, its words joined ``by``.

    At most ``LONGEST`` characters: of a longer one the small words go first, then the last ones.
    Nothing where there is no letter that has an ASCII one for it.
    """
    text = COUNTED.sub("", text, count=1)
    clauses = [WORD.findall(_ascii(part)) for part in CLAUSE.split(text)]
    first = {clause[0] for clause in clauses[1:] if clause}
    words = WORD.findall(_ascii(text))
    while words and (words[0].isdigit() or len(words[0]) == 1) and len(words) > 1:
        words = words[1:]
    if len(by.join(words)) > LONGEST:
        words = [word for word in words if word not in SMALL] or words
    taken: list[str] = []
    for word in words:
        if taken and len(by.join([*taken, word])) > LONGEST:
            if len(taken) > 2 and taken[-1] in first:  # "train, and evaluate" what was cut
                taken.pop()
            while len(taken) > 1 and taken[-1] in DANGLING:
                taken.pop()
            break
        taken.append(word[:LONGEST])
    name = by.join(taken)
    return name if not name or name[0].isalpha() else f"part{by}{name}"


def _ascii(text: str) -> str:
    """Return small letters without accents, Cyrillic ones spelled, apostrophes left out."""
    text = unicodedata.normalize("NFC", text.casefold()).translate(CYRILLIC)
    text = re.sub(r"(?<=s)['’`]s\b|(?<=\w)['’`](?=\w)", "", text)  # bayes's: bayes
    return "".join(
        one for one in unicodedata.normalize("NFKD", text) if one.isascii() or one == " "
    )
