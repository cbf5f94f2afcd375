export const broker = {
  title: "메시지 브로커",
  reference: "다른 시스템용 인터페이스",
  kind: {
    embedded: "허브가 직접 브로커 역할을 합니다.",
    external: "공장의 브로커가 허브와 스테이션의 메시지를 전달합니다.",
  },
  away: "허브가 브로커에 연결되지 않아 다시 시도하고 있습니다. 스테이션이 부품 기록을 보관하므로 잃는 것은 없습니다. 브로커가 실행 중인지, 네트워크가 연결되어 있는지 확인하세요.",
  address: "주소",
  since: "연결된 때",
  awaySince: "연결이 끊긴 때",
  sessions: "연결된 스테이션",
  losses: "시작 후 끊긴 횟수",
  accessRead: "브로커가 스테이션 목록을 읽은 때",
  access: {
    read: (_files: string) => "브로커가 모든 스테이션을 지금 상태대로 알고 있습니다.",
    waiting: (files: string) =>
      `브로커가 아직 파일을 다시 읽지 않았습니다(${files}). 방금 등록한 스테이션은 아직 들어올 수 없고, 방금 제외한 스테이션은 브로커에 아직 연결되어 있을 수 있습니다. 허브는 이미 그 스테이션을 받지 않습니다. 브로커 컴퓨터에서 실행하세요: systemctl reload mosquitto`,
    failed: (files: string) =>
      `허브가 브로커용 파일을 쓰지 못했습니다(${files}). 그 뒤에 등록하거나 제외한 스테이션을 브로커가 모릅니다. 제외한 스테이션은 허브가 이미 받지 않습니다. 폴더의 권한과 남은 공간을 확인하세요.`,
  },
  probe: "브로커 점검",
  state: { ok: "통과", warn: "확인 필요", failed: "실패", skipped: "점검 안 함" },
  check: {
    connect: "연결이 암호화됨",
    clock: "이 컴퓨터의 시계가 브로커 인증서와 맞음",
    qos1: "메시지가 확인되고 전달됨",
    retained: "토픽의 마지막 메시지가 보관됨",
    max_packet: "8 MB 메시지가 전달됨",
    anonymous: "인증 없이는 아무도 들어오지 못함",
    device_rights: "스테이션은 자기 토픽에만 접근함",
  },
}
