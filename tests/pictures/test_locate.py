"""Finding pictures, and never leaving their folder."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from k3m_kg.errors import UsageError
from k3m_kg.graph.stored import LocatedImage
from k3m_kg.pictures.locate import ImageLocator, OneFileOneAddress


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    pictures = ("1.jpg", "a b.png", "m/x/2.jpg", "p7.JPEG", "p7.txt")
    for name in (
        "shop/catalog.csv",
        "shop/img/1.jpg",
        "secret.jpg",
        *(f"pics/{p}" for p in pictures),
    ):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    return tmp_path


def beside(shop: Path, written: str) -> LocatedImage:
    (found,) = ImageLocator(shop / "shop" / "catalog.csv", None)("id", (written,))
    return found


def below(shop: Path, *written: str, product: str = "id") -> list[str | None]:
    found = ImageLocator(shop / "shop" / "catalog.csv", shop / "pics")(product, written)
    return [image.path and str(Path(image.path).relative_to(shop / "pics")) for image in found]


def test_without_folder_paths_are_relative_to_the_source(shop: Path) -> None:
    found = beside(shop, "img/1.jpg")
    assert found.path == str(shop / "shop/img/1.jpg")
    assert (found.size, found.error) == (len("shop/img/1.jpg"), None)
    assert beside(shop, str(shop / "shop/img/1.jpg")).path == str(shop / "shop/img/1.jpg")
    assert beside(shop, "img\\1.jpg").path == str(shop / "shop/img/1.jpg")


@pytest.mark.parametrize(
    "url", ["https://x.org/img/1.jpg", "//x.org/1.jpg", "data:image/png;base64,AA"]
)
def test_without_folder_urls_are_not_local(shop: Path, url: str) -> None:
    assert beside(shop, url) == LocatedImage(url)


@pytest.mark.parametrize(
    "written", ["../secret.jpg", "img/../../secret.jpg", "/etc/passwd", "..", "../shop2/x"]
)
def test_a_catalog_cannot_reach_outside_of_its_folder(shop: Path, written: str) -> None:
    (shop / "shop2").mkdir()
    (shop / "shop2" / "x").touch()
    found = beside(shop, written)
    assert found.path is None
    assert "lies outside" in str(found.error)


def test_with_folder_a_catalog_cannot_reach_outside_either(shop: Path) -> None:
    assert below(shop, "../secret.jpg", "/etc/passwd") == [None, None]


def test_with_folder_a_picture_is_found_by_path_then_by_name(shop: Path) -> None:
    assert below(
        shop, "m/x/2.jpg", "/m/x/2.jpg", "some/where/1.jpg", "https://x.org/a/1.jpg?w=3"
    ) == [
        "m/x/2.jpg",
        "m/x/2.jpg",
        "1.jpg",
        "1.jpg",
    ]
    assert below(shop, "https://x.org/a%20b.png", "C:\\photos\\1.jpg") == ["a b.png", "1.jpg"]


def test_with_folder_a_picture_is_found_by_id(shop: Path) -> None:
    assert below(shop, product="p7") == ["p7.JPEG"]
    assert below(shop, "https://x.org/other.jpg", product="p7") == ["p7.JPEG"]
    assert below(shop, "1.jpg", product="p7") == ["1.jpg"]
    assert below(shop, product="p8") == []


def test_what_is_not_found_says_so_but_a_url_is_only_not_local(shop: Path) -> None:
    locate = ImageLocator(shop / "shop" / "catalog.csv", shop / "pics")
    assert locate("id", ("gone.jpg", "https://x.org/gone.jpg", "https://[")) == (
        LocatedImage("gone.jpg", error="no such file"),
        LocatedImage("https://x.org/gone.jpg"),
        LocatedImage("https://["),
    )


@pytest.mark.parametrize("written", ["img", ".", "a\0b", "x" * 5000])
def test_what_is_no_file_is_an_error_of_that_picture(shop: Path, written: str) -> None:
    assert beside(shop, written).error in ("is no file", "no such file")


def test_a_pipe_is_not_waited_for(shop: Path) -> None:
    os.mkfifo(shop / "shop" / "pipe.jpg")
    assert beside(shop, "pipe.jpg").error == "is no file"


def test_a_folder_that_is_none_is_wrong_use(shop: Path) -> None:
    with pytest.raises(UsageError, match="is no folder"):
        ImageLocator(shop / "shop" / "catalog.csv", shop / "nowhere")


def test_locating_again_by_what_was_stored_gives_the_same(shop: Path) -> None:
    locate = ImageLocator(shop / "shop" / "catalog.csv", shop / "pics")
    for written in ((), ("https://x.org/other.jpg",), ("gone.jpg", "1.jpg"), ("gone.jpg",)):
        found = locate("p7", written)
        assert locate("p7", tuple(image.source for image in found)) == found


def test_a_path_below_a_shops_media_folder_says_what_to_give(shop: Path) -> None:
    assert "with --images" in str(beside(shop, "/m/x/2.jpg").error)
    assert "--images" not in str(beside(shop, "../secret.jpg").error)
    assert below(shop, "/m/x/2.jpg") == ["m/x/2.jpg"]


def test_with_folder_a_name_is_looked_for_in_every_folder_below(shop: Path) -> None:
    for name in ("n/3.jpg", "n/same.jpg", "m/same.jpg", "n/1.jpg"):
        (shop / "pics" / name).parent.mkdir(exist_ok=True)
        (shop / "pics" / name).touch()
    assert below(shop, "3.jpg", "2.jpg", "1.jpg") == ["n/3.jpg", "m/x/2.jpg", "1.jpg"]
    assert below(shop, "https://x.org/n/same.jpg") == ["n/same.jpg"]
    assert below(shop, product="3") == ["n/3.jpg"]
    (found,) = ImageLocator(shop / "c.csv", shop / "pics")("id", ("x/same.jpg",))
    assert found.error == "several files of that name in the folder"


NEAR = {
    "grüner.jpg": unicodedata.normalize("NFD", "grüner.jpg"),
    "IMG_1.jpg": "img_1.JPG",
    "My%20Mug.jpg": "My Mug.jpg",
}


@pytest.mark.parametrize("written", NEAR)
@pytest.mark.parametrize("given", [True, False])
def test_a_name_that_differs_in_its_form_alone_is_the_one_that_is_meant(
    tmp_path: Path, written: str, given: bool
) -> None:
    (tmp_path / "pics").mkdir()
    (tmp_path / "pics" / NEAR[written]).touch()
    locate = ImageLocator(tmp_path / "c.csv", tmp_path / "pics" if given else None)
    asked = written if given else f"pics/{written}"
    (found,) = locate("id", (asked,))
    assert Path(str(found.path)).name == NEAR[written]
    assert (found.near, found.source) == (True, asked)
    (tmp_path / "pics" / written).touch()
    (found,) = ImageLocator(tmp_path / "c.csv", tmp_path / "pics")("id", (written,))
    assert (Path(str(found.path)).name, found.near) == (written, False)


def test_of_two_near_names_none_is_guessed(tmp_path: Path) -> None:
    for name in ("A.jpg", "a.JPG"):
        (tmp_path / name).touch()
    (found,) = ImageLocator(tmp_path / "c.csv", tmp_path)("id", ("a.jpg",))
    assert found.error == "several files of that name in the folder"


def one_each(shop: Path, leave_open: bool = False) -> OneFileOneAddress:
    located = ImageLocator(shop / "c.csv", shop / "pics")
    return OneFileOneAddress(located, leave_open=leave_open)


def test_two_addresses_with_one_last_name_never_become_one_picture(shop: Path) -> None:
    locate = one_each(shop)
    first, second = "https://x.org/a/1.jpg", "https://x.org/b/1.jpg"
    assert locate("1", (first,))[0].path == str(shop / "pics/1.jpg")
    (found,) = locate("2", (second,))
    assert found == LocatedImage(
        second, error="the only file of that name was taken for x.org/a/1.jpg"
    )
    assert locate("3", ("c/1.jpg",))[0].path is None
    for same in (first, "http://x.org/a/1.jpg?v=2", "//x.org/a/1.jpg", "1.jpg"):
        assert locate("4", (same,))[0].path == str(shop / "pics/1.jpg")
    assert one_each(shop, leave_open=True)("1", (first, second)) == (
        LocatedImage(first, *_file(shop / "pics/1.jpg")),
        LocatedImage(second),
    )


def test_files_of_an_archive_that_are_alike_are_each_their_own() -> None:
    """They are one file in the store, and were errors but for the first."""

    def locate(product: str, written: tuple[str, ...]) -> tuple[LocatedImage, ...]:
        return tuple(LocatedImage(text, "/store/abc", 1, 1, by_last_name=True) for text in written)

    found = OneFileOneAddress(locate, leave_open=False)("1", ("a/1.jpg", "a/2.jpg", "b/1.jpg"))
    assert [image.path for image in found] == ["/store/abc", "/store/abc", None]


def _file(path: Path) -> tuple[str, int, int]:
    found = path.stat()
    return str(path), found.st_size, found.st_mtime_ns
