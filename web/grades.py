"""The grades of inspection as the keeper reads them."""

from models.recall import Grade

GRADE_WORDS = {
    Grade.A: "完好",
    Grade.B: "外箱破损",
    Grade.C: "瓶标瓶盖瑕疵",
    Grade.D: "渗漏、低液位或已开封",
    Grade.X: "外来、假冒或食品安全",
}
