/** Words of the work screen before all the others are there. */
export const first = {
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

/** When the others do not come; the screens themselves have no use for it. */
export const late = {
  screensFailed: (seconds: number) =>
    `나머지 화면을 가져오지 못했습니다. 판정한 내용은 이 태블릿에 저장되어 있습니다. ${seconds}초 뒤에 다시 시도합니다.`,
  tryNow: "지금 다시 시도",
}
