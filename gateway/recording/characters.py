"""Characters that pseudonyms are made of, so that a reader knows one when they see it."""

SURNAMES = "甲乙丙戊己庚壬癸子丑寅卯辰巳午未酉戌亥"
"""Of the stems and branches, those that no family is called. Names of pseudonyms begin with one."""

IDEOGRAPHS = (
    "天地玄宙荒盈列寒暑往收冬藏闰岁律调腾致雨露结为霜玉出昆冈剑巨珠称夜光果珍菜重芥河淡鳞潜羽翔火鸟始制字乃服衣裳推让伐发坐朝问道垂拱首羌体率宾鸣在竹驹食被草及此身大恭惟岂敢贞洁效必得忘彼短靡恃使可"
    "覆器欲难量丝染诗赞羔维贤克念作圣德名形表传声虚堂听因积缘善庆尺非寸竞资事曰与孝当竭力忠则尽命深履兴似斯如之川流不渊澄取映止若思辞诚美宜所基甚无竟学优登仕摄职存以棠去而咏殊贵礼尊下睦唱随外受训入"
    "奉仪犹比同气枝交友切磨规仁慈隐造次弗节义退亏性情逸心动神疲守真志逐意移坚持雅操好爵背面洛浮渭殿盘观飞惊图写禽兽画彩仙灵舍旁启帐对肆设鼓瑟吹升阶纳陛转疑星右内达承既集坟典亦聚稿书壁将侠槐卿给兵冠"
    "陪驱振缨世驾肥轻策功茂实勒碑刻铭溪佐奄阜旦孰济弱倾回说感俊密勿多士更霸困横假途践土会盟遵约弊烦起颇最精威漠驰誉丹迹并泰亭雁紫塞鸡赤野洞旷远绵岩治本务兹稼载亩我艺黍税熟新劝敦素秉直庶几庸谦谨音察"
    "鉴貌辨色嘉勉省躬宠增抗极近皋即疏见机组谁沉默寂寥求寻论散虑遥欣奏累遣欢招渠荷的历园莽抽条晚翠梧桐蚤凋根委落飘摇运摩霄耽读玩市寓目箱耳垣墙具膳餐饭适口肠饱烹厌故旧老少异粮御绩纺侍巾扇圆银烛煌昼眠"
    "夕寐笋象床弦歌酒宴接杯举矫手顿足悦豫且续稽再拜笺要答详想浴执愿凉"
)
"""Of the Thousand Character Classic, what is in GB 2312: no surname, no character of a frequent given name or of a
house's label. So a name can neither stand nor arise in a text made of them.
"""
