import { josa } from "es-hangul"
import { n } from "./say.ts"

export const stations = {
  title: "스테이션",
  empty: "등록한 스테이션이 없습니다",
  emptyBody: "등록 코드를 만들어 검사 장비에 입력하세요.",
  enrol: "스테이션 등록",
  enrolTitle: "새 스테이션",
  id: "장비 ID",
  idHint: "영문 소문자, 숫자, - (예: line1-cam)",
  name: "이름",
  make: "코드 만들기",
  codeTitle: "이 코드를 스테이션에 입력하세요",
  codeOnce: (time: string) => `한 번만 쓸 수 있고 ${time}까지 유효합니다. 닫으면 다시 볼 수 없습니다.`,
  model: "모델",
  noModel: "모델 없음",
  queue: "보낼 부품",
  seen: "마지막 연결",
  inspected: "검사",
  latency: "판정 시간(p99)",
  software: "프로그램",
  revoked: "해지됨",
  needsAdmin: "등록은 관리자가 합니다.",
  qr: "스테이션 등록 QR 코드",
  ticketHint: "스테이션의 리더기로 읽거나, 이 명령으로 한 번 시작하세요.",
  thenApprove: "그다음 스테이션은 여기서 승인을 기다립니다.",
  preApproved: "다시 묻지 않고 등록 (지금 스테이션 앞에 있습니다)",
  waitingTitle: "승인 대기",
  waitingHint: "스테이션에 보이는 글자와 같을 때만 승인하세요.",
  approve: "승인",
  refuse: "거절",
  replaces: "사용 중인 스테이션을 대신합니다",
  proofBy: { secret: "비밀 키", certificate: "인증서" },
  revoke: "사용 해지",
  revokeTitle: (name: string) => `${josa(name, "을/를")} 해지할까요?`,
  revokeBody: "연결이 바로 끊기고, 새 코드 없이는 다시 연결할 수 없습니다. 지금까지의 검사 기록은 남습니다.",
  clone: (time: string, addresses: string) =>
    `두 장비가 같은 ID를 쓰고 있습니다(${time}, 주소 ${addresses}). 복사된 장비를 찾은 뒤 맞는 장비를 다시 등록하세요. 보낸 기록은 모두 남아 있습니다.`,
  cloneClear: "해결했음",
  cloneClearBody: "이 ID를 쓰는 장비가 하나뿐일 때만 누르세요. 아니면 경고가 다시 나타납니다.",
  doors: "연결 보안",
  caDownload: "태블릿용 인증서",
  caFingerprint: "인증 기관 지문(SHA-256)",
  certificateEnds: "허브 인증서 만료",
  plainNetwork: "암호화하지 않은 MQTT가 네트워크 전체에 열려 있습니다",
  turnedAway: "시작 후 거절한 연결",
  nothingTurnedAway: "거절한 연결이 없습니다.",
  doorReason: {
    connections: "연결이 너무 많음",
    connections_per_address: "한 주소에서 연결이 너무 많음",
    connects_per_second: "너무 자주 연결함",
    handshake: "보안 연결에 실패함",
    no_connect: "연결 후 아무 말이 없음",
    packet_too_long: "메시지가 너무 김",
    malformed: "MQTT 형식이 아님",
    wrong_secret: "비밀 키가 틀림",
    wrong_certificate: "인증서가 틀림",
    bad_connect: "연결 방식이 약속과 다름",
    publish_not_allowed: "허용되지 않은 곳에 보냄",
    subscribe_not_allowed: "허용되지 않은 것을 구독함",
    too_fast: "너무 빨리 보내 속도를 늦춤",
  },
}

export const station = {
  comment: {
    away: "연결이 끊겨 앞선 댓글을 볼 수 없습니다. 쓴 댓글은 이 태블릿에 두었다가 연결되면 보냅니다.",
    unsent: "보내는 중",
  },
  alike: {
    bar: "닮은 것",
    name: "닮은 부품과 다른 모델의 의견",
    tabs: "판정할 때 볼 것",
    take: "이 표시를 그대로 쓰기",
  },
  draw: { open: "고쳐 그리기", title: "라벨을 고쳐 그립니다" },
  known: {
    title: "정답 부품",
    lead: "정답을 아는 부품을 작업에 섞어, 사람과 모델이 얼마나 정확한지 봅니다.",
    add: "정답 부품 추가",
    pick: "판정이 틀림없는 부품을 고르세요. 지금 판정이 정답이 됩니다.",
    pickNone: "고를 수 있는 부품이 없습니다. 먼저 부품을 판정하세요.",
    save: "정답으로 등록",
    empty: "아직 정답 부품이 없습니다",
    emptyBody:
      "판정이 틀림없는 부품을 추가하면 작업 중에 섞여 나갑니다. 비율은 검토 화면의 확인 설정에서 정합니다.",
    resting: "섞지 않음",
    rest: "섞지 않기",
    handOut: "다시 섞기",
    notAsked: "아직 나가지 않음",
    remove: "빼기",
    removeTitle: "정답에서 뺄까요?",
    removeBody:
      "이 부품은 더 이상 섞여 나가지 않고, 이 부품에 대한 결과는 분석에서 빠집니다. 판정은 그대로 남습니다.",
  },
  msa: { pdf: "PDF 받기", exact: (low: string, high: string) => `정확 구간 ${low}–${high}` },
}

export const surroundings = {
  camera: { waiting: "카메라 대기 중", ok: "카메라 정상", lost: "카메라 끊김" },
  dropped: (frames: string) => `지나친 사진 ${frames}장`,
  untaken: (untaken: string, all: string) => `트리거 ${all}번 중 ${untaken}번 사진 없음`,
  output: { waiting: "아직 보낸 적 없음", ok: "출력 정상", failing: "출력 실패" },
  untold: (verdicts: string) => `못 보낸 판정 ${verdicts}건`,
}

export const devices = {
  technical: (text: string) => `기술 정보: ${text}`,
  certificate: {
    whose: {
      hub: (_name: string) => "허브 인증서가 갱신되지 않았습니다.",
      site: (_name: string) => "사내에서 발급한 허브 인증서:",
      authority: (_name: string) => "인증 기관 인증서:",
      station: (name: string) => `${name} 인증서가 갱신되지 않았습니다.`,
    },
    ends: (time: string) => `${time}에 만료됩니다.`,
    ended: (time: string) => `${time}에 만료되었습니다.`,
    remedy: {
      hub: "허브가 데이터 폴더에 쓸 수 있는지, 저장 공간이 남아 있는지 확인한 뒤 허브를 다시 시작하세요.",
      site: "새 인증서 파일로 바꾸세요. 허브가 한 시간 안에 다시 읽습니다.",
      authority: "미리 새 인증서를 발급받고, 그 인증서로 스테이션을 다시 등록하세요.",
      station:
        "스테이션은 허브에 연결되면 스스로 갱신합니다. 전원을 켜고 네트워크를 확인하세요. 그동안 검사한 제품은 스테이션이 보관합니다.",
    },
    tag: (days: number) => `인증서 만료 ${n(days)}일 이내`,
    tagEnded: "인증서 만료됨",
  },
  clock: {
    apart: (time: string) =>
      `스테이션과 허브의 시계가 다릅니다(스테이션 시각 ${time}). 도착한 시각을 표시합니다`,
    hub: (time: string) => `허브의 시계가 초기화된 때입니다(스테이션 시각 ${time}). 도착한 시각을 표시합니다`,
  },
  clockOff: {
    slow: (text: string) => `시계가 ${text} 느림`,
    fast: (text: string) => `시계가 ${text} 빠름`,
  },
  brokerAdvice: {
    connect:
      "네트워크의 누구나 엿들을 수 있습니다. 브로커에 인증서를 설치하고 허브의 브로커 주소를 mqtts:// 로 바꾸세요.",
    clock: "이 컴퓨터의 시계를 맞추거나 브로커 인증서를 갱신하세요.",
    qos1: "메시지가 중간에 사라질 수 있습니다. 브로커의 제한과 접근 목록을 확인하세요.",
    retained:
      "다시 시작한 스테이션이 무엇을 실행할지 알 수 없습니다. 브로커에서 메시지 보관(retain)을 허용하세요.",
    max_packet: "사진이 브로커의 제한보다 클 수 있습니다. message_size_limit을 8 MB로 올리세요.",
    anonymous: "인증 정보 없이 들어올 수 있습니다. 브로커의 익명 접속을 끄세요.",
    device_rights: "허브가 만든 접근 목록을 브로커에 적용한 뒤 브로커를 다시 시작하세요.",
  },
  sourceNotes: {
    source_removed: "기다리는 동안 카메라가 삭제되어 이것만 따로 저장했습니다.",
  } as Record<string, string>,
  remove: {
    open: "이 카메라 삭제",
    title: (name: string) => `"${name}" 카메라를 삭제할까요?`,
    body: "연결과 비밀번호가 바로 끝나고, 폴더를 더 이상 읽지 않습니다. 지금까지 보낸 제품은 사진과 판정까지 그대로 남고, 읽지 못한 메시지도 남습니다. 같은 이름을 다시 쓸 수 있습니다.",
    halves: (count: number) => `짝을 기다리는 ${n(count)}건은 따로 저장합니다.`,
    yes: "삭제",
  },
}
