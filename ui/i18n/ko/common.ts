import type { Params } from "../params.ts"
import { first } from "./first.ts"
import { n, pct } from "./say.ts"

export const common = {
  save: "저장",
  cancel: "취소",
  close: "닫기",
  back: "뒤로",
  retry: "다시 시도",
  loading: "불러오는 중",
  yes: "예",
  none: "없음",
  unknown: "알 수 없음",
  optional: "선택 사항",
  copy: "복사",
  copied: "복사했습니다",
  simulated: "모의",
  reconnecting: "연결이 끊겼습니다. 다시 연결하는 중…",
  online: "실시간 연결됨",
  notFoundTitle: "없는 화면입니다",
  notFoundBody: "주소가 바뀌었을 수 있습니다. 홈에서 다시 찾아 주세요.",
  home: "홈으로",
  offlineTitle: "허브에 연결할 수 없습니다",
  offlineBody: "작업한 내용은 이 태블릿에 안전하게 남아 있습니다. 네트워크를 확인한 뒤 다시 시도하세요.",
  percent: pct,
  count: n,
  and: (words: string[]) => words.join(", "),
  crashTitle: "화면에 문제가 생겼습니다",
  crashBody: "저장한 판정은 그대로 있습니다. 화면을 다시 열어 주세요.",
  reload: "화면 다시 열기",
}

export const nav = {
  home: "홈",
  label: "판정",
  live: "실시간",
  training: "학습",
  models: "모델",
  rollouts: "배포",
  stations: "스테이션",
  sources: "카메라",
  people: "사용자",
  settings: "설정",
  more: "더 보기",
  main: "주 메뉴",
  skip: "본문으로 바로 가기",
}

export const verdict = first.verdict

export const kind = { unknown: "모르는 불량" }

export const role = { worker: "작업자", reviewer: "검토자", engineer: "엔지니어", admin: "관리자" }

export const presence = { online: "연결됨", stale: "응답 늦음", offline: "끊김", never: "등록만 됨" }

export const problem = {
  fallback: {
    invalid: "입력한 내용을 확인해 주세요.",
    unauthenticated: "로그인이 필요합니다.",
    forbidden: "이 작업을 할 권한이 없습니다.",
    not_found: "찾을 수 없습니다. 지워졌거나 주소가 다릅니다.",
    conflict: "다른 곳에서 먼저 바뀌었습니다. 새로 고친 뒤 다시 해 주세요.",
    too_large: "너무 큽니다.",
    unsupported: "다룰 수 없는 형식입니다.",
    rate_limited: "너무 자주 시도했습니다. 잠시 뒤에 다시 해 주세요.",
    internal: "허브에 문제가 생겼습니다. 저장된 것은 그대로입니다. 잠시 뒤 다시 해 주세요.",
    unavailable: "허브가 잠시 바쁩니다. 잃은 것은 없습니다. 곧 다시 해 주세요.",
    no_space: "허브 저장 공간이 거의 찼습니다. 저장된 것은 없습니다. 관리자에게 알려 주세요.",
    network: "허브에 닿지 않습니다. 네트워크를 확인해 주세요.",
    answer: "허브의 답을 읽을 수 없습니다. 화면을 다시 열어 주세요.",
  },
  key: {
    sign_in: () => "로그인이 필요합니다.",
    sign_in_failed: () => "아이디나 비밀번호가 맞지 않습니다.",
    sign_in_token: () => "이 로그인 링크는 이미 썼거나 지났습니다. 비밀번호로 로그인하세요.",
    setup_code: () => "설치 코드가 맞지 않습니다. 허브 화면의 코드를 다시 확인하세요.",
    setup_done: () => "이미 설치가 끝났습니다. 로그인하세요.",
    login_taken: () => "이미 있는 아이디입니다. 다른 아이디를 쓰세요.",
    too_many_tries: (p: Params) => `너무 여러 번 틀렸습니다. ${p.seconds ?? "몇"}초 뒤에 다시 하세요.`,
    busy: () => "지금 로그인하는 사람이 많습니다. 잠시 뒤에 다시 하세요.",
    last_admin: () => "관리자가 한 명은 있어야 합니다.",
    password_common: () => "너무 쉬운 비밀번호입니다. 다른 것을 쓰세요.",
    password_login: () => "비밀번호에 아이디가 들어 있습니다. 다른 것을 쓰세요.",
    password_repeats: () => "같은 글자가 너무 많습니다. 다른 비밀번호를 쓰세요.",
    defect_class_taken: () => "이미 있는 불량 종류입니다.",
    label_answer: () => "질문의 답이 지금 정해진 답과 맞지 않습니다. 저장되지 않았습니다. 다시 답해 주세요.",
    label_kind: () => "이 불량 종류는 더 이상 목록에 없습니다. 다시 골라 주세요.",
    label_withdraw: () => "다른 사람이 먼저 고쳤습니다. 되돌릴 수 있는 것은 내 마지막 판정뿐입니다.",
    cross_site: () => "다른 주소에서 온 요청이라 받지 않았습니다. 허브의 주소로 다시 열어 주세요.",
    model_not_candidate: () => "이 모델은 이제 승인 대기 중이 아닙니다.",
    rollout_state: () => "배포 상태가 바뀌었습니다. 화면을 확인한 뒤 다시 하세요.",
    job_ended: () => "이 학습은 이미 끝났습니다.",
    device: () => "그런 스테이션이 없습니다.",
    device_away: () => "연결되지 않은 스테이션입니다. 검사를 요청하지 않았고, 나중에도 하지 않습니다.",
    clone: () => "이 경고는 이미 없습니다.",
    enrolment_request: () => "이 스테이션은 더 이상 기다리지 않습니다. 코드를 새로 만드세요.",
    enrolment_certificate: () =>
      "이 브로커는 인증서를 받지 않습니다. 인증서 없이 등록하세요. 코드는 그대로 쓸 수 있습니다.",
    refusal: () => "이 메시지는 이제 남아 있지 않습니다.",
    image_evicted: () => "자리를 만들려고 지운 사진입니다. 기록과 판정은 남아 있습니다.",
    device_name: () => "이미 있는 이름입니다. 다른 이름을 쓰세요.",
    source: () => "그런 카메라가 없습니다.",
    source_folder: (p: Params) => `이 폴더는 ${p.source ?? "다른 카메라"}에서 쓰고 있습니다.`,
    quarantined: () => "이 메시지는 이제 통째로 남아 있지 않습니다.",
    no_space: () => "허브 저장 공간이 가득 찼습니다. 관리자에게 알려 주세요.",
    segment_off: () => "이 허브는 윤곽을 따지 않습니다.",
    segment_failed: () => "윤곽을 따지 못했습니다. 잃은 것은 없습니다. 직접 그리거나 다시 시도하세요.",
    segmenter: () => "그런 모델이 없습니다.",
    segmenter_known: () => "이미 있는 모델입니다.",
    segmenter_unknown: () => "먼저 이 모델의 입력과 출력을 설명해 주세요.",
    segmenter_invalid: (p: Params) => `이 모델은 쓸 수 없습니다: ${p.why ?? ""}`,
    segmenter_file: () => "파일이 없습니다. 다시 보내 주세요.",
    similar_off: () => "이 허브는 비슷한 부품을 찾지 않습니다.",
    similar_failed: () => "비슷한 부품을 찾지 못했습니다. 잃은 것은 없습니다. 다시 시도하세요.",
    role: () => "이 작업을 할 권한이 없습니다.",
    input: (p: Params) => `입력한 내용을 확인해 주세요${p.path ? ` (${p.path})` : ""}.`,
  } as Record<string, (p: Params) => string>,
  unsentKept: "잃은 것은 없습니다.",
  requestId: (id: string) => `문의 번호 ${id}`,
}

export const time = {
  now: "방금",
  ago: (text: string) => `${text} 전`,
  never: "없음",
}
