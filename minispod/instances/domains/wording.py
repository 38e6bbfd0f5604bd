"""What keeps a domain from working, in a sentence each, English and Indonesian. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from minispod.instances.domains.states import ProblemCode

_SENTENCES: dict[ProblemCode, tuple[str, str]] = {
    ProblemCode.PROOF_MISSING: (
        "There is no TXT record at {name} yet; add one with the value {wanted}.",
        "Belum ada catatan TXT di {name}; tambahkan dengan nilai {wanted}.",
    ),
    ProblemCode.PROOF_OTHER: (
        "The TXT record at {name} says {found}; it must say {wanted}.",
        "Catatan TXT di {name} berisi {found}; isinya harus {wanted}.",
    ),
    ProblemCode.NO_SUCH_NAME: (
        "{name} does not exist in the DNS yet; add a CNAME record that leads to {wanted}.",
        "{name} belum ada di DNS; tambahkan catatan CNAME yang mengarah ke {wanted}.",
    ),
    ProblemCode.NO_ADDRESS: (
        "{name} has neither a CNAME nor an address record yet; add a CNAME record that leads to {wanted}.",
        "{name} belum memiliki catatan CNAME atau alamat; tambahkan catatan CNAME yang mengarah ke {wanted}.",
    ),
    ProblemCode.POINTS_ELSEWHERE: (
        "{name} leads to {found}, which is not ours; change its CNAME record to {wanted}. A proxy in between "
        "(such as Cloudflare's) must be switched off.",
        "{name} mengarah ke {found}, yang bukan milik kami; ubah catatan CNAME-nya ke {wanted}. Proksi di antaranya "
        "(misalnya milik Cloudflare) harus dimatikan.",
    ),
    ProblemCode.POINTS_PARTLY: (
        "{name} leads to us and also to {found}; remove the other addresses, so that every visitor arrives.",
        "{name} mengarah ke kami dan juga ke {found}; hapus alamat lain itu agar semua pengunjung sampai.",
    ),
    ProblemCode.POINTS_INSIDE: (
        "{name} leads to an address that nobody on the internet can reach (private, loopback or link-local); remove it "
        "and add a CNAME record that leads to {wanted}.",
        "{name} mengarah ke alamat yang tidak dapat dijangkau dari internet (privat, loopback, atau link-local); hapus "
        "alamat itu dan tambahkan catatan CNAME yang mengarah ke {wanted}.",
    ),
    ProblemCode.TARGET_MISSING: (
        "{name} leads to {found}, where nothing is; change its CNAME record to {wanted}.",
        "{name} mengarah ke {found}, yang tidak berisi apa-apa; ubah catatan CNAME-nya ke {wanted}.",
    ),
    ProblemCode.DNS_SILENT: (
        "The name servers of {name} did not answer in time; we ask again.",
        "Server nama untuk {name} tidak menjawab tepat waktu; kami akan bertanya lagi.",
    ),
    ProblemCode.DNS_FAILED: (
        "The name servers of {name} answer with an error (such as SERVFAIL); please check them with whoever runs them.",
        "Server nama untuk {name} menjawab dengan galat (misalnya SERVFAIL); periksa pada penyedia DNS Anda.",
    ),
    ProblemCode.DNS_LOOP: (
        "The CNAME records of {name} lead round in a circle; remove one of them.",
        "Catatan CNAME {name} berputar-putar tanpa akhir; hapus salah satunya.",
    ),
    ProblemCode.DNS_TOO_LONG: (
        "The CNAME records of {name} lead through too many names; let it lead to us directly.",
        "Catatan CNAME {name} melewati terlalu banyak nama; arahkan langsung ke kami.",
    ),
    ProblemCode.HELD_BY_ANOTHER: (
        "{name} was proven for another instance meanwhile. If it is yours, remove it there first.",
        "{name} sementara ini sudah dibuktikan untuk instance lain. Bila itu milik Anda, hapus dahulu di sana.",
    ),
    ProblemCode.NOT_PUBLISHED: (
        "The cluster did not take {name}; our team can see why. We try again.",
        "Kluster tidak menerima {name}; tim kami dapat melihat alasannya. Kami akan mencoba lagi.",
    ),
    ProblemCode.CERTIFICATE: (
        "There is no certificate for {name} yet: {found}",
        "Belum ada sertifikat untuk {name}: {found}",
    ),
}


def sentence(problem: Mapping[str, Any], language: str = "en") -> str:
    """Say one problem in a sentence."""
    english, indonesian = _SENTENCES[ProblemCode(problem["code"])]
    return (indonesian if language == "id" else english).format_map({"found": "", "wanted": "", **problem})


def sentences(problems: Sequence[Mapping[str, Any]], language: str = "en") -> str:
    """Say all problems, one sentence after the other."""
    return " ".join(sentence(problem, language) for problem in problems)
