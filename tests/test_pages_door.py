"""At the store's door: scans answered at once and never doubled, photos, undo, both signatures."""

import base64
import io
import secrets

import pytest
from PIL import Image, ImageDraw

from models.recall import Document, Handover, HandoverState, RecallTask
from tests.webapp import BOTTLES, CASE, FOREIGN, Phone, Shop, open_shop


@pytest.fixture
def shop(tmp_path):
    return open_shop(tmp_path)


def drawn(seed: int, size: tuple[int, int] = (400, 180)) -> str:
    """A signature as a pad would send it."""
    picture = Image.new("RGBA", size)
    ImageDraw.Draw(picture).line([(10, 10 + seed), (200, 90), (390, 20)], fill="#10203a", width=4)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def photo(kind: str = "JPEG", size: tuple[int, int] = (64, 48)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, "brown").save(buffer, kind)
    return buffer.getvalue()


def collecting(shop: Shop) -> int:
    """A task whose store agreed to give everything back."""
    _, task = shop.running()
    shop.does("owner", RecallTask, task, "answer_all")
    return task


def at_door(shop: Shop, who: str = "rep") -> tuple[Phone, str, int]:
    task = collecting(shop)
    phone = shop.phone()
    path = shop.link("door", task, who)
    phone.opens(path)
    return phone, path, task


def scan(text: str = "", **more) -> dict:
    return {"client_id": secrets.token_hex(16), "text": text, "phone_time": "2025-11-24T02:00:00.000Z", **more}


def send(phone: Phone, path: str, *scans: dict):
    response = phone.posts_json(f"{path}/scans", {"scans": list(scans)})
    assert response.status_code == 200, response.text
    return response.get_json()


def signing(**more) -> dict:
    return {
        "giver_name": "刘老板",
        "giver_png": drawn(1),
        "taker_png": drawn(40),
        "day": "2025-11-28",
        "latitude": "31.2",
        "longitude": "121.5",
        **more,
    }


def test_opening_the_page_starts_no_handover(shop):
    at_door(shop)

    assert shop.all(Handover) == []


def test_case_counts_its_bottles_and_answer_says_so(shop):
    phone, path, _ = at_door(shop)

    data = send(phone, path, scan(CASE))

    [answer] = data["answers"]
    assert (answer["verdict"], answer["bottles"]) == ("ok", 6)
    assert "已计 6 瓶" in answer["sentence"]
    assert data["counted"] == 6
    assert data["remaining"] == 18


def test_bottle_of_a_counted_case_is_a_duplicate_and_says_by_whom(shop):
    phone, path, _ = at_door(shop)

    data = send(phone, path, scan(CASE), scan(BOTTLES[2]))

    assert [a["verdict"] for a in data["answers"]] == ["ok", "duplicate"]
    assert "王芳" in data["answers"][1]["sentence"]
    assert data["counted"] == 6


def test_queue_sent_again_counts_nothing_twice_and_gets_the_same_answers(shop):
    phone, path, _ = at_door(shop)
    queue = [scan(BOTTLES[0]), scan(BOTTLES[1]), scan(FOREIGN)]

    first = send(phone, path, *queue)
    again = send(phone, path, *reversed(queue))

    assert again["counted"] == first["counted"] == 2
    assert {a["client_id"]: a["verdict"] for a in again["answers"]} == {
        a["client_id"]: a["verdict"] for a in first["answers"]
    }


def test_other_product_is_not_counted(shop):
    phone, path, _ = at_door(shop)

    data = send(phone, path, scan(FOREIGN))

    assert data["answers"][0]["verdict"] == "wrong_product"
    assert "不是这次要退的商品" in data["answers"][0]["sentence"]
    assert data["counted"] == 0


def test_typed_line_needs_a_photo(shop):
    phone, path, _ = at_door(shop)
    typed = {"bottles": 3, "lot_id": shop.ids["lot2"]}

    without = send(phone, path, scan(**typed))
    sha = phone.client.post(
        f"{path}/photo",
        data={"csrf": phone.field("csrf"), "photo": (io.BytesIO(photo()), "p.jpg")},
        headers={"Accept": "application/json"},
    ).get_json()["sha256"]
    with_photo = send(phone, path, scan(photo=sha, **typed))

    assert without["answers"][0]["verdict"] == "needs_photo"
    assert with_photo["answers"][0]["verdict"] == "ok"
    assert with_photo["counted"] == 3
    assert shop.photo_kept(sha)


def test_photo_is_shown_to_the_own_device_only(shop):
    phone, path, _ = at_door(shop)
    phone.posts(f"{path}/photo", photo=(io.BytesIO(photo()), "p.jpg"))
    shown = phone.opens(path)
    source = next(part.split('"')[0] for part in shown.split('src="') if "/photo/" in part.split('"')[0])

    assert phone.client.get(source).data == photo()
    assert shop.phone().client.get(source).status_code == 404


@pytest.mark.parametrize(
    "content",
    [b"", b"not a picture", b"\x89PNG\r\n\x1a\n" + b"0" * 200, photo("GIF"), photo()[:60]],
    ids=["empty", "words", "broken png", "gif", "cut off"],
)
def test_what_is_no_photo_is_refused(shop, content):
    phone, path, _ = at_door(shop)

    page = phone.sends(f"{path}/photo", photo=(io.BytesIO(content), "p.jpg"))

    assert "notice bad" in page
    assert shop.all(Handover) == []


def test_huge_photo_is_refused_before_it_is_read(shop):
    phone, path, _ = at_door(shop)

    response = phone.posts(f"{path}/photo", photo=(io.BytesIO(b"\xff" * 4_000_000), "p.jpg"))

    assert response.status_code == 413


def test_undo_frees_the_units(shop):
    phone, path, _ = at_door(shop)
    first = scan(CASE)
    send(phone, path, first)

    undone = phone.posts_json(f"{path}/undo", {"client_id": first["client_id"]}).get_json()
    again = send(phone, path, scan(BOTTLES[0]))

    assert undone["counted"] == 0
    assert again["counted"] == 1


def test_undo_of_nothing_is_refused(shop):
    phone, path, _ = at_door(shop)

    assert phone.posts_json(f"{path}/undo", {"client_id": "never-sent"}).status_code == 409


@pytest.mark.parametrize(
    "body",
    [
        {"scans": []},
        {"scans": "x"},
        {"scans": [1]},
        {"scans": [{"client_id": "short", "text": "1"}]},
        {"scans": [{"client_id": "'; drop table --", "text": "1"}]},
        {"scans": [{"client_id": "a" * 32, "text": "x" * 300}]},
        {"scans": [{"client_id": "a" * 32, "bottles": -3}]},
        {"scans": [{"client_id": "a" * 32, "bottles": 10**12}]},
        {"scans": [{"client_id": "a" * 32, "lot_id": "one"}]},
        {"scans": [{"client_id": "a" * 32}] * 101},
    ],
)
def test_scans_that_make_no_sense_are_refused_in_words(shop, body):
    phone, path, _ = at_door(shop)

    response = phone.posts_json(f"{path}/scans", body)

    assert response.status_code == 409
    assert response.get_json()["sentence"]
    assert shop.all(Handover) == []


def test_plain_form_works_without_a_script(shop):
    phone, path, _ = at_door(shop)

    page = phone.sends(f"{path}/scans", client_id=phone.field("client_id"), text=CASE)

    assert "已计 6 瓶" in page


def test_both_sign_and_goods_are_on_the_way(shop):
    phone, path, task = at_door(shop)
    send(phone, path, scan(CASE))

    response = phone.posts_json(f"{path}/sign", signing())

    assert response.status_code == 200, response.text
    handover = shop.last_handover()
    assert handover.state == HandoverState.IN_TRANSIT
    assert handover.latitude == 31.2
    assert shop.look(RecallTask, task).promised_on.isoformat() == "2025-11-28"
    number = shop.all(Document)[-1].number
    assert f"/d/{number}" in phone.opens(path)


def test_remaining_goods_need_a_day(shop):
    phone, path, _ = at_door(shop)
    send(phone, path, scan(CASE))

    response = phone.posts_json(f"{path}/sign", signing(day=""))

    assert response.status_code == 409
    assert "日期" in response.get_json()["sentence"]
    assert shop.last_handover().state == HandoverState.SCANNING


def test_nothing_counted_cannot_be_signed(shop):
    phone, path, _ = at_door(shop)

    response = phone.posts_json(f"{path}/sign", signing())

    assert "还没有清点" in response.get_json()["sentence"]


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "data:image/png;base64,AAAA",
        "data:image/jpeg;base64," + "A" * 40,
        "data:image/png;base64,@@@@",
        drawn(1, (4000, 10)),
        "data:image/png;base64," + "A" * 300_000,
        "data:image/png;base64," + base64.b64encode(photo("PNG", (400, 180))).decode(),
    ],
    ids=["none", "no png", "jpeg", "no base64", "wrong size", "too large", "one colour"],
)
def test_signature_that_is_none_is_refused(shop, broken):
    phone, path, _ = at_door(shop)
    send(phone, path, scan(CASE))

    response = phone.posts_json(f"{path}/sign", signing(giver_png=broken))

    assert response.status_code == 409
    assert "店里" in response.get_json()["sentence"]
    assert shop.last_handover().state == HandoverState.SCANNING


def test_same_picture_twice_is_no_two_signatures(shop):
    phone, path, _ = at_door(shop)
    send(phone, path, scan(CASE))

    response = phone.posts_json(f"{path}/sign", signing(taker_png=drawn(1)))

    assert response.status_code == 409


def test_scans_after_signing_open_a_new_count(shop):
    phone, path, _ = at_door(shop)
    send(phone, path, scan(BOTTLES[0]))
    phone.posts_json(f"{path}/sign", signing())

    data = send(phone, path, scan(BOTTLES[0]), scan(BOTTLES[1]))

    assert [a["verdict"] for a in data["answers"]] == ["duplicate", "ok"]
    assert len(shop.all(Handover)) == 2


def test_store_owner_cannot_count_at_the_door(shop):
    phone, path, _ = at_door(shop, "owner")

    response = phone.posts_json(f"{path}/scans", {"scans": [scan(CASE)]})

    assert response.status_code == 409
    assert "没有权限" in response.get_json()["sentence"]


def test_count_can_be_thrown_away(shop):
    phone, path, _ = at_door(shop)
    send(phone, path, scan(CASE))

    phone.sends(f"{path}/void")

    assert shop.last_handover().state == HandoverState.VOID
    assert send(phone, path, scan(CASE))["counted"] == 6


def test_task_that_was_not_answered_is_not_collected(shop):
    _, task = shop.running()
    phone = shop.phone()

    page = phone.opens(shop.link("door", task, "rep"))

    assert "还不能交接" in page
