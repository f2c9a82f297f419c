import subprocess
import sys


def test_the_demonstration_succeeds_and_shows_what_it_did() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "estafeta_postfix", "demo"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "✗" not in done.stdout
    assert done.stdout.count("✓") >= 20
    assert "Everything was as it should be" in done.stdout
