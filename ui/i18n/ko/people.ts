export const people = {
  title: "사용자",
  add: "사용자 추가",
  name: "이름",
  login: "아이디",
  role: "역할",
  language: "언어",
  password: "첫 비밀번호",
  disabled: "사용 중지",
  enable: "다시 사용",
  disable: "사용 중지",
  needsAdmin: "사용자 관리는 관리자만 합니다.",
}

export const settings = {
  title: "설정",
  language: "언어",
  theme: "화면",
  themes: { auto: "자동", light: "밝게", dark: "어둡게", contrast: "고대비" },
  account: "내 계정",
  about: "정보",
  keys: "한 글자 단축키",
  keysHint: "끄면 글자 하나로 판정되지 않습니다.",
  on: "켬",
  off: "끔",
  hand: "큰 버튼 위치",
  hands: { right: "양품 왼쪽 · 불량 오른쪽", left: "양품 오른쪽 · 불량 왼쪽" },
}
