"""Texts that are no announcements, and that the audio check must not refuse: words, figures, marks, Vietnamese."""

import random

WORDS = """
a
I
yes
no
go
stop
hello
water
thirteen
squirrel
strengths
February
through
queue
rhythm
okay
wow
psst
hmm
shh
oh
onomatopoeia
extraordinarily
antidisestablishmentarianism
banana
mississippi
bye
Loa
Hanoi
""".strip().splitlines()

FIGURES = """
7
12
1234567890
7777777
1,000,000
$9.99
$1,234,567.89
3.14159265358979
10:45
2024-05-03
05/03/2024
100%
-40°C
60km/h
1/2
+1 (555) 010-9999
192.168.0.1
1984, 1999, 2001, 2024
0 0 0 0 0 0 0 0
one 1 one 1 one 1
A1 B2 C3 D4 E5
https://example.com/a/b?c=1
someone@example.com
x = y + 2
""".strip().splitlines()

MARKS = """
Wait… what?
No!!! No!!! No!!!
Well — perhaps — not.
"Quoted," she said, "and not."
(in brackets) [and in others]
Yes; no: maybe, perhaps. Perhaps not?
First. Second. Third. Fourth. Fifth.
a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p
Mr. and Mrs. Smith, Ph.D., of St. Paul, Minn., etc.
no punctuation here at all and it goes on and on until somebody says that this is quite enough for one single breath
ha ha ha ha ha ha ha ha
very very very very very very good
Row, row, row your boat, gently down the stream. Merrily, merrily, merrily, merrily, life is but a dream.
Line one of the text. Line two of the text. Line three of the text. Line four of the text. Line five of the text.
ALL CAPITALS ARE SHOUTING, OR NASA.
tick tock tick tock tick tock tick tock
Thank you. Thank you. Thank you. Thank you. Thank you.
Left, right, left, right, left, right, left, right, halt!
To be, or not to be, that is the question.
The cat sat on the mat. The cat sat on the mat. The cat sat on the mat.
Shhh.
Hmm...
""".strip().splitlines()

VIETNAMESE = """
Xin chào các bạn, hôm nay trời đẹp quá.
Chuyến {vehicle} đi {city} sẽ khởi hành lúc {hour} giờ {minute} phút.
Đơn hàng số {number} của quý khách đã được giao đến {place}.
Nhiệt độ tại {city} hôm nay là {degrees} độ, trời có mưa rào.
Mời khách hàng có số thứ tự {number} đến quầy {small}.
Anh {name} vừa gọi điện hỏi về {thing}, và nhắn chị gọi lại trước {hour} giờ.
Thành phố {city} sẽ chi {number} triệu đồng để sửa lại {place}.
Không, cảm ơn!
Tại sao {name} không đến {place}? Tôi không biết.
Ủy ban nhân dân {city} thông báo: từ ngày mai, {place} đóng cửa lúc {hour} giờ tối.
""".strip().splitlines()

VIETNAMESE_GAPS = {
    "vehicle": ("tàu", "xe buýt", "máy bay", "phà"),
    "city": ("Hà Nội", "Huế", "Đà Nẵng", "Cần Thơ", "Thành phố Hồ Chí Minh"),
    "name": ("Minh", "Lan", "Hùng", "Nguyễn", "Phượng"),
    "place": ("bưu điện", "thư viện", "nhà ga", "bệnh viện", "chợ Bến Thành"),
    "thing": ("gói hàng", "hóa đơn", "vé tàu", "chiếc xe đạp"),
    "hour": tuple(map(str, range(6, 23))),
    "minute": ("05", "15", "30", "45"),
    "small": tuple(map(str, range(1, 10))),
    "degrees": tuple(map(str, range(12, 39))),
    "number": tuple(map(str, range(101, 100_000, 917))),
}

VIETNAMESE_WORDS = ("vâng", "không", "một", "nghiêng", "ơi", "trường", "khuya", "ạ", "được", "người")


def odd_english() -> list[str]:
    """Words, figures, marks."""
    return [*WORDS, *FIGURES, *MARKS]


def vietnamese(count: int, seed: int = 1) -> list[str]:
    """So many sentences, and single words."""
    chance = random.Random(seed)
    made: dict[str, None] = {}
    while len(made) < count:
        gaps = {gap: chance.choice(words) for gap, words in VIETNAMESE_GAPS.items()}
        made[chance.choice(VIETNAMESE).format(**gaps)] = None
    return [*made, *VIETNAMESE_WORDS]
