"""A slip of the analyst is found with what follows from the stated values."""

import pytest

from bj_pipeline.report.document import Words
from bj_pipeline.report.proofreading import text_findings
from bj_pipeline_tests.report.proofreading.planting import only, planted


@pytest.mark.parametrize(
    ("old", "new", "rule", "found", "expected"),
    [
        (
            "前者增长 25.2%",
            "前者增长 26.2%",
            "growth_does_not_follow",
            "26.2%",
            "增长 25.2%（5.16 ÷ 4.12 − 1）",
        ),
        (
            "较前一周增长 25.2%",
            "较前一周增长 52.2%",
            "growth_does_not_follow",
            "52.2%",
            "增长 25.2%（5.16 ÷ 4.12 − 1）",
        ),
        (
            "后者下降 8.2%",
            "后者增长 8.2%",
            "growth_does_not_follow",
            "8.2%",
            "下降 8.2%（2.7 ÷ 2.94 − 1）",
        ),
        (
            "预计 77.7 TWh，增长 41.0%",
            "预计 77.7 TWh，增长 14.0%",
            "growth_does_not_follow",
            "14.0%",
            "增长 41.0%（77.7 ÷ 55.1 − 1）",
        ),
        (
            "约为上半年的 3.6 倍",
            "约为上半年的 6.3 倍",
            "growth_does_not_follow",
            "6.3倍",
            "3.6 倍（37.00 ÷ 10.19）",
        ),
        (
            "由美国模型的 1.4 倍升至 1.9 倍",
            "由美国模型的 1.4 倍升至 2.9 倍",
            "growth_does_not_follow",
            "2.9倍",
            "1.9 倍（5.16 ÷ 2.7）",
        ),
        (
            "提高 8.1 个百分点",
            "提高 7.1 个百分点",
            "growth_does_not_follow",
            "7.1个百分点",
            "8.1 个百分点（37.7 − 29.6）",
        ),
        (
            "前者增长 25.2%",
            "前者近三周增长 25.2%",
            "growth_cannot_be_followed",
            "25.2%",
            "the values of 3 周; those stated span 2",
        ),
        (
            "44.8%，起点数值未在图中列示",
            "44.8%",
            "growth_cannot_be_followed",
            "44.8%",
            "the values of 2022 and 2027, from which it follows",
        ),
        (
            "分别为 5.16 万亿 Token",
            "分别为 5.16 亿 Token",
            "unit_differs",
            "5.16亿Token",
            "5.16 万亿 Token（中国模型，2 月 16—22 日）",
        ),
        (
            "2024 年为 190 亿美元",
            "2024 年为 190 亿元",
            "unit_differs",
            "190亿元",
            "190 亿美元（市场规模，2024）",
        ),
        (
            "占工作负载的 73%",
            "占工作负载的 37%",
            "number_stands_in_no_figure",
            "37%",
            "a value of the topic's figures",
        ),
        (
            "其中 6 月已到 18.74",
            "其中 6 月已到 18.47",
            "number_stands_in_no_figure",
            "18.47万亿Token",
            "a value of the topic's figures",
        ),
        (
            "由 85.8 EFLOPS 增至 140.1",
            "由 85.8 EFLOPS 降至 140.1",
            "direction_is_wrong",
            "85.8EFLOPS降至140.1EFLOPS",
            "85.8EFLOPS升至140.1EFLOPS",
        ),
        (
            "周调用升至 5.16 万亿",
            "周调用降至 5.16 万亿",
            "direction_is_wrong",
            "降至 5.16万亿Token",
            "升至 5.16万亿Token（由 4.12）",
        ),
        (
            '预计达 552 亿美元"',
            '预计达 525 亿美元"',
            "title_is_not_drawn",
            "525亿美元",
            "190、259、552（亿美元）",
        ),
        ('预计达 552 亿美元"', '预计达 552 亿元"', "unit_differs", "552亿元", "552 亿美元"),
        (
            "两个年份相隔三年",
            "两个年份相隔五年",
            "years_do_not_follow",
            "相隔五年",
            "3 年（2025、2028）",
        ),
        (
            "下半年升至 37.00",
            "下半年升至 10.19",
            "value_is_earlier",
            "10.19万亿Token",
            "37.00 万亿 Token/日（企业级调用，2025 年下半年）",
        ),
        (
            "两组数据口径不同",
            "截至 2026 年 2 月 30 日，两组数据口径不同",
            "date_is_wrong",
            "2026 年 2 月 30 日",
            "a day of the calendar",
        ),
        (
            "两组数据口径不同",
            "本周（2 月 16 日）两组数据口径不同",
            "date_is_wrong",
            "2 月 16 日",
            "2026-02-23 to 2026-03-01",
        ),
    ],
)
def test_a_slip_of_the_analyst_is_found_with_what_follows_from_the_values(
    document, known, forms, old, new, rule, found, expected
):
    findings = text_findings(planted(document, old, new), known, forms)
    fitting = [one for one in findings if (one.rule, one.found) == (rule, found)]
    assert fitting, findings
    assert expected == fitting[0].expected
    assert fitting[0].is_analysts


def with_sentence(document, sentence):
    """The document whose topic ends with one more sentence."""
    first = document.sections[0]
    block = next(one for one in first.blocks if one.kind == "paragraph")
    line = (*block.line, Words(text=sentence))
    blocks = tuple(
        one.model_copy(update={"line": line}) if one is block else one for one in first.blocks
    )
    section = first.model_copy(update={"blocks": blocks})
    return document.model_copy(update={"sections": (section, *document.sections[1:])})


@pytest.mark.parametrize(
    "sentence",
    [
        "中国模型周调用较 4.12 万亿 Token 增长约 25%。",
        "周调用增长逾 25%，达 5.16 万亿 Token。",
        "中国模型为 51600 亿 Token。",
        "中国模型的周调用一周内增长 25.2%。",
        "企业日均调用由 10.19 万亿 Token 增至 37.00 万亿 Token，增长 2.6 倍。",
        "调用量达到 5.16 万亿。",
        "英伟达 H100 与 GPT-4 在 2025 年第 3 季度发布，5G 网络同步扩容。",
        "2027 年 12 月 31 日前预计达到 5.16 万亿 Token。",
        "5.16 万亿 Token 较 2.7 万亿 Token 高出 91.1%。",
        "中国模型周调用增长近三成，达 5.16 万亿 Token。",
        "美国模型周调用 2.7 万亿 Token，不及中国模型的 5.16 万亿 Token。",
        "2027 年较 2024 年的 55.1 TWh 明显增加，2025 年为 77.7 TWh。",
        "企业日均调用由 18.74 万亿 Token 增至 37.00 万亿 Token，接近翻倍。",
        "全球开源模型中超过九成来自中国，占 90.2%。",
        "并行科技（920493）与曙光数创（920808.BJ）的成本降低，见图表 3。",
        "中国模型周调用达五点一六万亿 Token。",
        "全球开源模型中来自中国的占百分之九十点二。",
        "五点六一刻的会议与三点建议不是数值。",
        "2 月 9 日至 15 日，中国模型周调用升至 4.12 万亿 Token。",
        "能耗 2024 年升至 55.1 TWh。",
        "2025 年，企业日均调用上半年升至 10.19 万亿 Token。",
        "中国模型周调用由 4.12 万亿 Token 升至 5.16 万亿 Token。",
        "2024 年与 2027 年相隔三年。",
        "2024 年、2025 年与 2027 年相距两年。",
    ],
)
def test_a_sentence_that_follows_from_the_figures_is_left_alone(document, known, sentence):
    assert text_findings(with_sentence(document, sentence), known) == []


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        (
            "甲公司收入由 2.0 亿元增至 3.0 亿元，增长 60%。",
            "增长 50.0%（300000000.0 ÷ 200000000.0 − 1）",
        ),
        ("实现 26.2% 的增长，周调用达 5.16 万亿 Token。", "增长 25.2%（5.16 ÷ 4.12 − 1）"),
        ("周调用增长超过 30%，达 5.16 万亿 Token。", "增长 25.2%（5.16 ÷ 4.12 − 1）"),
        (
            "企业日均调用由 10.19 万亿 Token 增至 37.00 万亿 Token，增长 3.6 倍。",
            "2.6 倍（37.00 ÷ 10.19 − 1）",
        ),
    ],
)
def test_a_rate_that_the_stated_values_do_not_give_is_told_with_the_computed_one(
    document, known, sentence, expected
):
    found = text_findings(with_sentence(document, sentence), known)
    rates = [one for one in found if one.rule == "growth_does_not_follow"]
    assert only(rates).expected == expected
    assert only(rates).sentence in sentence


@pytest.mark.parametrize(
    ("sentence", "rule", "found", "expected"),
    [
        (
            "中国模型周调用翻倍，达 5.16 万亿 Token。",
            "growth_does_not_follow",
            "翻倍",
            "25.2%",
        ),
        (
            "中国模型周调用增长六成，达 5.16 万亿 Token。",
            "growth_does_not_follow",
            "六成",
            "25.2%",
        ),
        ("市场规模减半至 259 亿美元。", "growth_does_not_follow", "减半", "36.3%"),
        ("开源模型过半，占 29.6%。", "number_stands_in_no_figure", "过半", "29.6%"),
        ("近九成开源模型来自中国。", "number_stands_in_no_figure", "九成", "90.2%"),
        (
            "2027 年 IT 能耗预计 77.7 TWh。",
            "value_is_anothers",
            "77.7TWh",
            "IT 能耗，2025E",
        ),
        (
            "美国模型周调用 5.16 万亿 Token。",
            "value_is_anothers",
            "5.16万亿Token",
            "中国模型，2 月 16—22 日",
        ),
        (
            "2.7 万亿 Token 高于 4.12 万亿 Token。",
            "direction_is_wrong",
            "2.7万亿Token高于4.12万亿Token",
            "2.7万亿Token低于4.12万亿Token",
        ),
        (
            "过去三周，周调用由 4.12 万亿 Token 增至 5.16 万亿 Token，增长 25.2%。",
            "growth_cannot_be_followed",
            "25.2%",
            "the values of 3 周; those stated span 2",
        ),
        (
            "中国模型周调用升至 4.12 万亿 Token。",
            "value_is_earlier",
            "4.12万亿Token",
            "5.16 万亿 Token（中国模型，2 月 16—22 日）",
        ),
        (
            "美国模型周调用由 2.7 万亿 Token 升至 2.94 万亿 Token。",
            "value_is_earlier",
            "2.94万亿Token",
            "2.94万亿Token before 2.7万亿Token",
        ),
        (
            "2024 年与 2027 年相隔五年。",
            "years_do_not_follow",
            "相隔五年",
            "3 年（2024、2027）",
        ),
        (
            "中国模型周调用达五点六一万亿 Token。",
            "number_stands_in_no_figure",
            "5.61万亿Token",
            "a value of the topic's figures",
        ),
        (
            "全球开源模型中来自中国的占百分之九十点三。",
            "number_stands_in_no_figure",
            "90.3%",
            "a value of the topic's figures",
        ),
        (
            "并行科技（920924）受益。",
            "name_does_not_match",
            "并行科技（920924）",
            "广脉科技（920924）",
        ),
    ],
)
def test_a_claim_in_words_or_of_another_year_series_or_company_is_found(
    document, known, sentence, rule, found, expected
):
    findings = text_findings(with_sentence(document, sentence), known)
    assert (rule, found, expected, True) in {
        (one.rule, one.found, one.expected, one.is_analysts) for one in findings
    }


def test_an_exhibit_that_the_text_speaks_of_and_the_issue_lacks_is_found(document, known):
    count = len(list(document.exhibits()))
    assert text_findings(with_sentence(document, f"见图表 {count}。"), known) == []
    found = only(text_findings(with_sentence(document, f"见图表 {count + 1}。"), known))
    assert (found.rule, found.found) == ("exhibit_does_not_exist", f"图表 {count + 1}")
    assert found.is_analysts


def test_a_growth_without_values_reads_as_in_the_note_that_gives_it(document, known):
    found = text_findings(planted(document, "年均增速为 44.8%。", "年均增速为 48.4%。"), known)
    assert only(found).expected == "48.4%, as noted"


def test_a_number_in_chinese_digits_is_told_as_it_is_printed(document, known, forms):
    wrong = planted(document, "到 2028 年，推理预计占工作负载的 73%", "推理占百分之七十点三")
    found = [one for one in text_findings(wrong, known, forms) if one.found == "70.3%"]
    assert "百分之七十点三" in only(found).sentence
