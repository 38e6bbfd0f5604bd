"""Alerts in words, in English and Indonesian. Pure.

What an act says in a sentence of its own (`subject` and `sentence` among the facts) is said with that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from minispod.alerts.kinds import Rule
from minispod.kernel.money import Rupiah, format_rupiah


@dataclass(frozen=True, slots=True)
class Words:
    """One alert in both languages."""

    title: str
    sentence: str
    judul: str
    kalimat: str

    def as_facts(self) -> dict[str, str]:
        """Under the names that the mail's templates use."""
        return {
            "subject": self.title,
            "sentence": self.sentence,
            "judul": self.judul,
            "kalimat": self.kalimat,
        }


_TITLES = {
    Rule.CLUSTER_SILENT: ("The cluster is silent", "Klaster tidak menjawab"),
    Rule.NODE_DOWN: ("Node {name} does not answer", "Node {name} tidak menjawab"),
    Rule.NODE_FULL: ("Node {name} is nearly full", "Node {name} hampir penuh"),
    Rule.ADD_NODE: ("The cluster needs another node", "Klaster memerlukan node tambahan"),
    Rule.INSTANCE_DOWN: ("{name} is down", "{name} tidak berjalan"),
    Rule.INSTANCE_FAILED: ("Instance {name} failed", "Instans {name} gagal"),
    Rule.INSTANCE_RESTARTS: ("{name} restarts again and again", "{name} berulang kali dimulai ulang"),
    Rule.VOLUME_FULL: ("The volume of {name} is nearly full", "Volume {name} hampir penuh"),
    Rule.CERTIFICATE_ENDS: ("The certificate of {name} ends soon", "Sertifikat {name} segera berakhir"),
    Rule.BACKUP_FAILED: ("Backups of {name} fail", "Cadangan {name} gagal"),
    Rule.BACKUP_OVERDUE: ("{name} has no backup of late", "{name} tidak memiliki cadangan terbaru"),
    Rule.DRILL_FAILED: ("A backup of {name} did not stand its trial", "Cadangan {name} gagal diuji"),
    Rule.DELETION_WAITS: ("{name} waits to be deleted", "{name} menunggu dihapus"),
    Rule.OPERATION_FAILED: ("An operation on {name} failed", "Operasi pada {name} gagal"),
    Rule.JOB_STUCK: ("Work is late: {name}", "Pekerjaan terlambat: {name}"),
    Rule.MAIL_STUCK: ("Mail cannot be sent", "Email tidak dapat dikirim"),
    Rule.PAYMENT_HELD: ("Top-up {name} needs a person", "Isi saldo {name} perlu ditinjau"),
    Rule.PAYMENT_TROUBLE: ("Top-up {name} needs a person", "Isi saldo {name} perlu ditinjau"),
    Rule.PROOF_DIFFERS: ("The money does not add up", "Pembukuan tidak cocok"),
    Rule.ORDER_RETURNED: ("{name} was given back", "{name} dikembalikan"),
    Rule.SECRETS_CLOSED: ("Stored secrets cannot be opened", "Rahasia tersimpan tidak dapat dibuka"),
}
_HEADINGS = {
    Rule.CLUSTER_SILENT: ("Cluster silent", "Klaster tidak menjawab"),
    Rule.NODE_DOWN: ("Nodes that do not answer", "Node yang tidak menjawab"),
    Rule.NODE_FULL: ("Nodes nearly full", "Node hampir penuh"),
    Rule.ADD_NODE: ("Another node is needed", "Node tambahan diperlukan"),
    Rule.INSTANCE_DOWN: ("Instances that are down", "Instans yang tidak berjalan"),
    Rule.INSTANCE_FAILED: ("Instances that failed", "Instans yang gagal"),
    Rule.INSTANCE_RESTARTS: (
        "Instances that restart again and again",
        "Instans yang berulang kali dimulai ulang",
    ),
    Rule.VOLUME_FULL: ("Volumes nearly full", "Volume hampir penuh"),
    Rule.CERTIFICATE_ENDS: ("Certificates that end soon", "Sertifikat yang segera berakhir"),
    Rule.BACKUP_FAILED: ("Backups that fail", "Cadangan yang gagal"),
    Rule.BACKUP_OVERDUE: ("Instances without a backup of late", "Instans tanpa cadangan terbaru"),
    Rule.DRILL_FAILED: ("Backups that did not stand their trial", "Cadangan yang gagal diuji"),
    Rule.DELETION_WAITS: ("Deletions that wait for a decision", "Penghapusan yang menunggu keputusan"),
    Rule.OPERATION_FAILED: ("Operations that failed", "Operasi yang gagal"),
    Rule.JOB_STUCK: ("Work that is late", "Pekerjaan yang terlambat"),
    Rule.MAIL_STUCK: ("Mail that cannot be sent", "Email yang tidak dapat dikirim"),
    Rule.PAYMENT_HELD: ("Payments held for review", "Pembayaran yang ditahan untuk ditinjau"),
    Rule.PAYMENT_TROUBLE: ("Payments that need a person", "Pembayaran yang perlu ditinjau"),
    Rule.PROOF_DIFFERS: ("Money that does not add up", "Pembukuan yang tidak cocok"),
    Rule.ORDER_RETURNED: ("Given back to customers", "Dikembalikan kepada pelanggan"),
    Rule.SECRETS_CLOSED: ("Secrets that cannot be opened", "Rahasia yang tidak dapat dibuka"),
}
_SENTENCES = {
    Rule.CLUSTER_SILENT: (
        "Since {since}. Orders are accepted and wait; nothing is lost. What nodes and instances do is not known "
        "meanwhile. Check the control plane and the kubeconfig.",
        "Sejak {since}. Pesanan tetap diterima dan menunggu; tidak ada yang hilang. Keadaan node dan instans tidak "
        "diketahui sementara ini. Periksa control plane dan kubeconfig.",
    ),
    Rule.NODE_DOWN: (
        "Since {since}. Instances that the cluster starts on other nodes: {movable}. Instances with their data on this "
        "node: {bound}; they come back with it, or are restored elsewhere from their backups on the node's page. "
        "Without a backup: {bare}.",
        "Sejak {since}. Instans yang dimulai klaster di node lain: {movable}. Instans yang datanya di node ini: "
        "{bound}; kembali bersama node, atau dipulihkan di tempat lain dari cadangan di halaman node. Tanpa "
        "cadangan: {bare}.",
    ),
    Rule.NODE_FULL: (
        "It uses {cpu} % of its CPU and {memory} % of its memory, averaged over the last minutes.",
        "Memakai {cpu} % CPU dan {memory} % memori, rata-rata beberapa menit terakhir.",
    ),
    Rule.ADD_NODE: (
        "Busy for minutes: {nodes}. Add a worker, or move instances to a node with room.",
        "Sibuk selama beberapa menit: {nodes}. Tambahkan worker, atau pindahkan instans ke node yang lapang.",
    ),
    Rule.INSTANCE_DOWN: (
        "Since {since}, although it should run. Its events say why.",
        "Sejak {since}, padahal seharusnya berjalan. Peristiwanya menjelaskan sebabnya.",
    ),
    Rule.INSTANCE_FAILED: ("{reason}", "{reason}"),
    Rule.INSTANCE_RESTARTS: (
        "Restarts within an hour: {restarts}. Its logs and events say why.",
        "{restarts} kali dimulai ulang dalam satu jam. Log dan peristiwanya menjelaskan sebabnya.",
    ),
    Rule.VOLUME_FULL: (
        "{percent} % of {of_mb} MB are used. Its application stops writing when nothing is left: a larger plan helps.",
        "{percent} % dari {of_mb} MB terpakai. Aplikasinya berhenti menulis bila habis: paket lebih besar membantu.",
    ),
    Rule.CERTIFICATE_ENDS: (
        "On {ends_at}, and it was not renewed in time.",
        "Pada {ends_at}, dan belum diperbarui pada waktunya.",
    ),
    Rule.BACKUP_FAILED: (
        "Its application runs on; what would be lost is what was written since the last good backup ({newest_at}). "
        "Reason: {reason}",
        "Aplikasinya tetap berjalan; yang dapat hilang adalah yang ditulis sejak cadangan terakhir yang baik "
        "({newest_at}). Sebab: {reason}",
    ),
    Rule.BACKUP_OVERDUE: (
        "Its newest good backup: {newest_at}. What was written since would be lost.",
        "Cadangan terakhir yang baik: {newest_at}. Yang ditulis sejak itu dapat hilang.",
    ),
    Rule.DELETION_WAITS: (
        "Its last backup could not be taken: {reason} Its data are kept until somebody decides.",
        "Cadangan terakhirnya tidak dapat dibuat: {reason} Datanya disimpan sampai ada keputusan.",
    ),
    Rule.JOB_STUCK: (
        "Overdue or failing again and again: {total}, the oldest since {since}. Failed before: {failing}.",
        "{total} pekerjaan terlambat atau terus gagal, yang tertua sejak {since}; {failing} pernah gagal.",
    ),
    Rule.MAIL_STUCK: (
        "Messages that wait: {total}, the oldest since {since}. They are tried again by themselves; check the mail "
        "server.",
        "{total} pesan menunggu, yang tertua sejak {since}. Dicoba lagi dengan sendirinya; periksa server email.",
    ),
    Rule.PROOF_DIFFERS: (
        "Differences: {differences}. Checks not finished: {unfinished}. Do not adjust anything by hand before the "
        "cause is known.",
        "{differences} selisih, {unfinished} pemeriksaan belum selesai. Jangan sesuaikan apa pun sebelum sebabnya "
        "diketahui.",
    ),
}
_PAYMENT = (
    "A payment of {amount} does not fit, and the program will not decide it alone: {reason}. State: {state}, order: "
    "{order_id}, transaction: {transaction_id}. Compare it with the payment gateway.",
    "Sebuah pembayaran {amount} tidak cocok, dan program tidak memutuskannya sendiri: {reason}. Keadaan: {state}, "
    "pesanan: {order_id}, transaksi: {transaction_id}. Bandingkan dengan gerbang pembayaran.",
)
_MOMENTS = frozenset({"since", "ends_at", "newest_at"})
_NOTHING = ("none", "tidak ada")


def say(rule: Rule, name: str, facts: Mapping[str, Any]) -> Words:
    """Title and sentence of an alert."""
    title, judul = (text.format(name=name) for text in _TITLES[rule])
    if facts.get("subject"):
        title = judul = str(facts["subject"])
    if facts.get("sentence"):
        sentence = kalimat = str(facts["sentence"])
    else:
        payments = (Rule.PAYMENT_HELD, Rule.PAYMENT_TROUBLE)
        texts = _PAYMENT if rule in payments else _SENTENCES.get(rule, ("", ""))
        sentence, kalimat = (
            text.format_map(_Readable(facts, nothing)) for text, nothing in zip(texts, _NOTHING, strict=True)
        )
    return Words(title, sentence, judul, kalimat)


def heading(rule: Rule) -> dict[str, str]:
    """How many alerts of one rule are headed."""
    english, indonesian = _HEADINGS[rule]
    return {"heading": english, "judul": indonesian}


class _Readable(dict[str, str]):
    """Facts as they read within a sentence; what nobody knows is "none"."""

    def __init__(self, facts: Mapping[str, Any], nothing: str) -> None:
        super().__init__({key: _read(key, value) for key, value in facts.items() if value is not None})
        self._nothing = nothing

    def __missing__(self, key: str) -> str:
        return self._nothing


def _read(key: str, value: Any) -> str:
    if key in _MOMENTS:
        return f"{datetime.fromisoformat(value):%Y-%m-%d %H:%M} UTC"
    if key == "amount":
        return format_rupiah(Rupiah(value))
    if key == "reason":
        return str(value).replace("_", " ")
    return str(value)
