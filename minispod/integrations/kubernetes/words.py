"""The words for everything that can happen to a workload: the only place where such sentences are written.

Each text has a stable reason, what happened, and what the customer can do, in English and Indonesian. Customers read
them: no node, no other customer and no secret can get in, because only what is named in `say` is filled in.
"""

from typing import NamedTuple

from minispod.cluster.events import Words


class Text(NamedTuple):
    """A reason (several texts may share one) and its words."""

    reason: str
    words: Words


_WAIT = (
    "Nothing needs doing: it is tried again by itself.",
    "Tidak perlu tindakan: akan dicoba lagi otomatis.",
)
_SUPPORT = (
    "Please write to support if this stays for more than a few minutes.",
    "Silakan hubungi dukungan bila ini berlangsung lebih dari beberapa menit.",
)
_READ_LOG = (
    "Read the last lines of its log below, correct what they complain about (often a setting), then restart it.",
    "Baca baris terakhir lognya di bawah, perbaiki yang dikeluhkan (sering kali pengaturan), lalu mulai ulang.",
)


def _text(reason: str, english: str, indonesian: str, advice: tuple[str, str] = ("", "")) -> Text:
    return Text(reason, Words(english, indonesian, *advice))


_TEXTS: dict[str, Text] = {
    "image_pull": _text(
        "image_pull",
        "The image {image} could not be pulled.",
        "Image {image} tidak dapat diunduh.",
        _SUPPORT,
    ),
    "config": _text(
        "config",
        "The container could not be set up ({detail}).",
        "Kontainer tidak dapat disiapkan ({detail}).",
        _SUPPORT,
    ),
    "forbidden": _text(
        "config",
        "The pod security rules of the namespace forbid this pod.",
        "Aturan keamanan tidak mengizinkan aplikasi ini dijalankan.",
        _SUPPORT,
    ),
    "refused": _text(
        "config", "The cluster refuses to make the pod.", "Klaster menolak menjalankan aplikasi.", _SUPPORT
    ),
    "crash_loop": _text(
        "crash_loop",
        "The application ends by itself soon after its start (exit code {code}).",
        "Aplikasi berhenti sendiri tidak lama setelah dimulai (kode keluar {code}).",
        _READ_LOG,
    ),
    "oom": _text(
        "oom",
        "The application needed more memory than its plan has and was ended.",
        "Aplikasi memerlukan memori lebih besar dari paketnya dan dihentikan.",
        (
            "Move to a plan with more memory, or let the application do less at once.",
            "Pindah ke paket dengan memori lebih besar, atau kurangi beban aplikasi.",
        ),
    ),
    "no_room": _text(
        "unschedulable",
        "No node has enough free CPU or memory at the moment.",
        "Saat ini tidak ada server dengan CPU atau memori yang cukup.",
        _WAIT,
    ),
    "no_place": _text(
        "unschedulable",
        "No node can take the application at the moment.",
        "Saat ini tidak ada server yang dapat menjalankan aplikasi.",
        _WAIT,
    ),
    "volume": _text(
        "volume",
        "The volume is not available on any node that could run the application.",
        "Volume data tidak tersedia di server yang dapat menjalankan aplikasi.",
        ("Your data are not lost. " + _SUPPORT[0], "Data Anda tidak hilang. " + _SUPPORT[1]),
    ),
    "mount": _text(
        "volume",
        "The volume with the data could not be attached yet.",
        "Volume data belum dapat dipasang.",
        _WAIT,
    ),
    "volume_not_made": _text(
        "volume",
        "The volume for the data could not be made yet.",
        "Volume data belum dapat dibuat.",
        _SUPPORT,
    ),
    "quota": _text(
        "quota",
        "The customer's quota does not leave room for another pod.",
        "Kuota pelanggan tidak cukup untuk menjalankan aplikasi ini.",
        _SUPPORT,
    ),
    "evicted": _text(
        "evicted",
        "The node was short of resources and sent the application away.",
        "Server kekurangan sumber daya sehingga aplikasi dipindahkan.",
        (
            "It is started again by itself; its data stay.",
            "Aplikasi dimulai lagi otomatis; datanya tetap ada.",
        ),
    ),
    "disk_pressure": _text(
        "evicted",
        "The node's disk was nearly full and the application was sent away.",
        "Disk server hampir penuh sehingga aplikasi dipindahkan.",
        (
            "It is started again by itself; its data stay.",
            "Aplikasi dimulai lagi otomatis; datanya tetap ada.",
        ),
    ),
    "scratch_full": _text(
        "scratch_full",
        "The application wrote more temporary files than it may and was ended.",
        "Aplikasi menulis berkas sementara melebihi batas dan dihentikan.",
        (
            "It is started again without them. If it happens often, let it write less, or write to support.",
            "Aplikasi dimulai lagi tanpa berkas itu. Bila sering terjadi, kurangi penulisannya atau hubungi dukungan.",
        ),
    ),
    "probe": _text(
        "probe",
        "The application does not answer its health check.",
        "Aplikasi tidak menjawab pemeriksaan kesehatan.",
        (
            "While it starts this is normal. If it lasts, read its log and restart it.",
            "Saat baru dimulai ini wajar. Bila berlanjut, baca lognya lalu mulai ulang.",
        ),
    ),
    "probe_restart": _text(
        "probe",
        "The application did not answer its health check for too long and is restarted.",
        "Aplikasi terlalu lama tidak menjawab pemeriksaan kesehatan dan dimulai ulang.",
        (
            "If it happens often, read its log: it may need more CPU or memory than its plan has.",
            "Bila sering terjadi, baca lognya: mungkin aplikasi perlu CPU atau memori lebih besar dari paketnya.",
        ),
    ),
    "node_not_ready": _text(
        "node_not_ready",
        "The server on which the application runs does not answer.",
        "Server tempat aplikasi berjalan tidak menjawab.",
        (
            "We are told of it. The application comes back with the server, or on another one if its data can move.",
            "Kami sudah diberi tahu. Aplikasi kembali bersama servernya, atau di server lain bila datanya bisa pindah.",
        ),
    ),
    "network": _text(
        "network",
        "The application's network could not be set up yet.",
        "Jaringan aplikasi belum dapat disiapkan.",
        _WAIT,
    ),
    "scheduled": _text(
        "scheduled", "A server was chosen for the application.", "Server untuk aplikasi telah dipilih."
    ),
    "pulled": _text("pulled", "The image is present.", "Image sudah tersedia."),
    "started": _text("started", "The container was started.", "Kontainer dimulai."),
    "stopping": _text("stopping", "The container is being stopped.", "Kontainer sedang dihentikan."),
    "volume_ready": _text("volume_ready", "The volume for the data was made.", "Volume data telah dibuat."),
    "other": _text(
        "other",
        "The cluster reported a problem for which we have no words yet; support can see it in full.",
        "Klaster melaporkan masalah yang belum kami jelaskan; dukungan dapat melihat rinciannya.",
        _SUPPORT,
    ),
}

REASONS = frozenset(text.reason for text in _TEXTS.values())


def say(key: str, **facts: object) -> Text:
    """The reason and the words of one text, with what it names filled in."""
    text = _TEXTS[key]
    english, indonesian, *advice = (
        text.words.english,
        text.words.indonesian,
        text.words.advice_english,
        text.words.advice_indonesian,
    )
    return Text(text.reason, Words(english.format(**facts), indonesian.format(**facts), *advice))
