"""The simulator: a page in the browser that takes a configuration and shows its rate over the run, or its error.

It is served by Gradio on this machine alone; nothing is sent anywhere, and nothing is loaded from anywhere.
"""

from __future__ import annotations

import html
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastestimator_lite.schedule.outlook import Preview, preview
from fastestimator_lite.schedule.recipe import parse_config, recipe_from_config
from fastestimator_lite.util.errors import ConfigError, MissingDependencyError, MissingKeyError

if TYPE_CHECKING:
    import gradio

Draw = Callable[[Preview], Any]

EXAMPLE = """\
training:
  epochs: 100
  optimizer:
    name: sgd
    lr: 0.1
  scheduler:
    name: cosine
    warmup_epochs: 5
    warmup_bias_lr: 1e-5
    min_lr: 1e-6
    iters_per_phase: 10
"""
_HEADING = """# Learning rate simulator
Paste a training configuration. Schedulers: `step`, `poly`, `cosine_no_sgdr`, `cosine`, `multi_step`."""
# A class of each kind of message; the colours are those of reports.
_STYLE = """
.said { border: 1px solid; border-radius: 6px; padding: 10px 16px; overflow-wrap: anywhere; white-space: pre-wrap; }
.said ul { margin: 0; padding-left: 18px; }
.said.error, .said.error * { color: #7a2500; background: #fdeae0; border-color: #eda27c; }
.said.warning, .said.warning * { color: #7a4b00; background: #fdf2dc; border-color: #e9bd6a; }
.said.fine, .said.fine * { color: #00614a; background: #e3f5ee; border-color: #7fcdb3; }
"""


def simulate_text(text: str) -> Preview:
    """Read a configuration and look at its schedule.

    Args:
        text: The configuration in YAML.

    Raises:
        ConfigError: If it cannot work; it names the key.
    """
    if not text or not text.strip():
        raise ConfigError(
            "paste a configuration: YAML with the keys training.epochs, training.optimizer.lr and training.scheduler"
        )
    return preview(recipe_from_config(parse_config(text)))


def build_page(draw: Draw) -> gradio.Blocks:
    """Make the page.

    Args:
        draw: Makes a plotly figure of a preview.

    Raises:
        MissingDependencyError: If Gradio is not installed.
    """
    gr = _gradio()

    def answer(text: str) -> tuple[Any, str, Any]:
        try:
            found = simulate_text(text)
            figure = draw(found)
        except (ConfigError, MissingKeyError, MissingDependencyError) as err:
            return gr.update(value=None, visible=False), _said("error", [str(err)]), gr.update(visible=False)
        rows = list(found.timeline().rows())
        names = [name for name in rows[0] if name not in ("first", "last")]
        cells = [[_epochs(row), *(row[name] for name in names)] for row in rows]
        message = _said("warning", found.warnings) if found.warnings else _said("fine", ["Nothing odd was found."])
        return (
            gr.update(value=figure, visible=True),
            message,
            gr.update(value={"headers": ["epochs", *names], "data": cells}, visible=True),
        )

    with gr.Blocks(title="Learning rate simulator", analytics_enabled=False) as page:
        gr.Markdown(_HEADING)
        with gr.Row():
            with gr.Column(scale=1, min_width=320):
                text = gr.Code(EXAMPLE, language="yaml", label="Configuration", lines=18, elem_id="configuration")
                button = gr.Button("Simulate", variant="primary", elem_id="simulate")
            with gr.Column(scale=2, min_width=480):
                message = gr.HTML(elem_id="message")
                plot = gr.Plot(label="Over the run", visible=False, elem_id="plot")
                table = gr.Dataframe(label="What happens when", visible=False, interactive=False, elem_id="table")
        button.click(answer, text, [plot, message, table], api_name="simulate")
        page.load(answer, text, [plot, message, table], api_visibility="private")
    return page


def serve(draw: Draw, host: str = "127.0.0.1", port: int | None = None, wait: bool = True) -> tuple[str, gradio.Blocks]:
    """Open the page.

    Args:
        draw: Makes a plotly figure of a preview.
        host: Address to listen at; the default is reached from this machine alone.
        port: Port; None for the first free one from 7860 on.
        wait: Whether to serve until somebody interrupts.

    Returns:
        The address of the page, and the page, whose `close()` ends it.

    Raises:
        MissingDependencyError: If Gradio is not installed.
        OSError: If the port is taken.
    """
    page = build_page(draw)
    gr = _gradio()
    theme = gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
    _, url, _ = page.launch(
        server_name=host,
        server_port=port,
        share=False,
        inbrowser=False,
        quiet=True,
        show_error=True,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        prevent_thread_lock=True,
        footer_links=[],
        theme=theme,
        css=_STYLE,
    )
    if wait:
        page.block_thread()
    return url, page


def _gradio() -> Any:
    # it would otherwise tell its makers about itself, and ask them for its newest version
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        import gradio
    except ImportError as err:
        raise MissingDependencyError(
            "the simulator's page needs gradio, which is not installed; "
            "run: pip install 'fastestimator-lite[simulator]'"
        ) from err
    return gradio


def _said(kind: str, lines: Any) -> str:
    """A message as HTML; what the user wrote stays text."""
    items = [html.escape(line) for line in lines]
    inner = items[0] if len(items) == 1 else f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>"
    return f'<div class="said {kind}" role="status">{inner}</div>'


def _epochs(row: Any) -> str:
    return str(row["first"]) if row["first"] == row["last"] else f"{row['first']}-{row['last']}"
