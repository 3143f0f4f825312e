"""Names of people who do not exist."""

from random import Random

from gateway.sandbox import words

SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
GIVEN = {
    words.MALE: "伟强磊军勇杰涛明超刚平辉鹏宇浩博",
    words.FEMALE: "芳娜敏静丽艳娟霞秀兰玲桂英梅雪晶",
}

# Quirk 87: names with a dot inside, characters outside the BMP, and homonyms.
DOTTED = ("阿依古丽·买买提", "古丽娜尔·艾力", "阿卜杜拉·吐尔逊")
BEYOND_BMP = ("王\U00020bb7", "\U00020c34春梅", "陈\U0002b5af")
HOMONYM = {words.MALE: "张伟", words.FEMALE: "王芳"}


def name_for(number: int, sex: str, rng: Random) -> str:
    """The name of the `number`-th person: mostly plain, now and then one of the difficult ones."""
    turn, place = divmod(number, 20)
    if place == 7:
        return DOTTED[turn % len(DOTTED)]
    if place == 13:
        return BEYOND_BMP[turn % len(BEYOND_BMP)]
    if place == 17:
        return HOMONYM[sex]
    return rng.choice(SURNAMES) + "".join(rng.choices(GIVEN[sex], k=rng.choice((1, 2))))
