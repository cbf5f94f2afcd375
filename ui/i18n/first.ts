/** Words of the work screen before all the others are there; both languages, because it is not known yet which is needed. */
export const firstKo = {
  verdict: { ok: "양품", ng: "불량", unsure: "보류", undecidable: "판단 불가", undefined: "미판정" },
  reason: {
    undecidable: "모델이 판단하지 못했습니다",
    disagreement: "판정이 서로 다릅니다",
    audit: "확인용으로 뽑은 부품입니다",
    ng: "모델이 불량으로 보았습니다",
    second_opinion: "다른 사람의 의견을 구하는 부품",
    unsure_label: "앞사람이 보류한 부품입니다",
    skipped: "다른 사람이 넘긴 부품",
    wanted: "누군가 먼저 봐 달라고 한 부품",
    ok: "모델이 양품으로 보았습니다",
    sent_back: "검토자가 돌려보낸 부품",
  },
  loadingPart: "다음 부품을 가져오는 중",
}

export const firstEn: typeof firstKo = {
  verdict: { ok: "OK", ng: "NG", unsure: "Unsure", undecidable: "Undecidable", undefined: "Not judged" },
  reason: {
    undecidable: "The model could not decide",
    disagreement: "The judgements on it differ",
    audit: "Drawn as a random check",
    ng: "The model calls it NG",
    second_opinion: "Someone asks for a second opinion",
    unsure_label: "Someone was unsure about it",
    skipped: "Others have given it back",
    wanted: "Someone put it first",
    ok: "The model calls it OK",
    sent_back: "It was sent back to you",
  },
  loadingPart: "Fetching the next part",
}
