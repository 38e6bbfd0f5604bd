"""The pages of the ingress front. Everything that comes from outside is escaped."""

from html import escape

STYLE = """
  :root { color-scheme: light dark }
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: #f3f5f9; color: #1d2433;
         font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif }
  main { background: #fff; border-radius: 14px; padding: 2.2rem 2.6rem; max-width: 34rem; width: calc(100% - 7rem);
         box-shadow: 0 10px 40px rgb(20 30 60 / 12%) }
  h1 { margin: 0 0 .3rem; font-size: 1.5rem }
  p { margin: 0 0 1.2rem; color: #56607a }
  dl { display: grid; grid-template-columns: auto 1fr; gap: .35rem 1.2rem; margin: 0; font-size: .92rem }
  dt { color: #7a849c }
  dd { margin: 0; font-family: ui-monospace, monospace; overflow-wrap: anywhere }
  .badge { display: inline-block; padding: .1rem .6rem; border-radius: 1rem; font-size: .8rem; margin-bottom: .8rem }
  .up { background: #dcf5e6; color: #12693a } .down { background: #fde7e4; color: #97281a }
  @media (prefers-color-scheme: dark) {
    body { background: #12151d; color: #e8ecf5 } main { background: #1c212d; box-shadow: none } p, dt { color: #9aa5bd }
  }
"""


def _document(title: str, body: str) -> str:
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
        f"<body><main>{body}</main></body></html>\n"
    )


def application_page(name: str, facts: dict[str, str]) -> str:
    """The page a running application shows."""
    rows = "".join(f"<dt>{escape(key)}</dt><dd>{escape(str(value))}</dd>" for key, value in facts.items())
    body = (
        f'<span class="badge up">running</span><h1>{escape(name)}</h1>'
        f"<p>This is the simulated cluster answering in place of {escape(name)}.</p><dl>{rows}</dl>"
    )
    return _document(name, body)


def notice_page(code: int, title: str, text: str) -> str:
    """The page that says why there is no application."""
    body = f'<span class="badge down">{code}</span><h1>{escape(title)}</h1><p>{escape(text)}</p>'
    return _document(title, body)
