"""The blocking face is the awaited one, written without waiting."""

from tidy import blocking


def test_the_committed_file_is_current():
    """`client/blocking.py` is what the generator writes from `client/remote.py` today."""
    for awaited, face in blocking.FILES.items():
        assert face.read_text(encoding="utf-8") == blocking.written(awaited), face.name


def test_words_in_texts_stay():
    """Only names of the program are translated, not the words of its texts."""
    source = (
        'async def a(b):\n    """Await an AsyncClient."""\n    return await b.aclose("async")\n'
    )

    assert blocking.translated(source) == (
        'def a(b):\n    """Await an AsyncClient."""\n    return b.close("async")\n'
    )
