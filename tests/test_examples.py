"""The example programs that people copy: each is run unchanged."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time

import numpy as np
from places import EXAMPLES
from sounds import spoken, write

from emotion_edge import classify

SOUNDS = sorted((EXAMPLES / "sounds").glob("*.wav"))
SLOW = EXAMPLES / "sounds" / "hello-slow.wav"

# Print the states of the pins of the lamp (red, green and blue) once the example has ended.
LAMP = """
import runpy
from gpiozero import Device
runpy.run_path("lamp.py", run_name="__main__")
for number in (17, 27, 22):
    print([round(state.state, 3) for state in Device.pin_factory.pin(number).states])
"""


def run(*arguments, cwd=EXAMPLES, **environment):
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_robot_answers_files():
    lines = run("robot.py", *SOUNDS).splitlines()
    assert len(lines) == len(SOUNDS)
    assert any("(no speech)" in line for line in lines)


def test_the_live_robot_answers_events():
    assert run("live_robot.py", SOUNDS[0]).splitlines()[-1].endswith("s)")


def test_the_lamp_lights_up_and_goes_out(tmp_path):
    quick = write(tmp_path / "quick.wav", spoken(1), 33075)  # the model is sure of it
    mock = {"GPIOZERO_PIN_FACTORY": "mock", "GPIOZERO_MOCK_PIN_CLASS": "mockpwmpin"}
    pins = [json.loads(line) for line in run("-c", LAMP, quick, **mock).splitlines()]
    assert any(max(states) > 0 for states in pins)
    assert all(states[-1] == 0 for states in pins)


def test_the_folder_watcher_classifies_new_files(tmp_path):
    """Files are written slowly, moved in, or broken. Each is answered once it is complete; nothing ends the watcher."""
    folder, elsewhere = tmp_path / "in", tmp_path / "new.wav"
    folder.mkdir()
    watcher = subprocess.Popen(
        [sys.executable, EXAMPLES / "folder_watcher.py", folder],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    alarm = threading.Timer(60, watcher.kill)
    alarm.start()
    try:
        assert watcher.stderr.readline() == f"watching {folder}\n"
        time.sleep(1)  # files that exist at the start are not new
        (folder / "broken.wav").write_bytes(b"nothing")
        assert "broken.wav" in watcher.stderr.readline()
        (folder / "notes.txt").write_text("no sound")
        with open(folder / "slow.wav", "wb") as file:
            for part in np.array_split(np.frombuffer(SLOW.read_bytes(), np.uint8), 7):
                file.write(part.tobytes())
                file.flush()
                time.sleep(0.1)
        assert watcher.stdout.readline().startswith(f"{folder / 'slow.wav'}: {classify(SLOW)}")
        shutil.copy(SLOW, elsewhere)
        elsewhere.rename(folder / "moved.wav")
        assert watcher.stdout.readline().startswith(f"{folder / 'moved.wav'}: {classify(SLOW)}")
    finally:
        alarm.cancel()
        watcher.kill()
        watcher.communicate()


def test_the_assistant_hook_changes_the_prompt_only_if_it_is_sure(tmp_path):
    write(tmp_path / "silence.wav", np.zeros(16000, np.float32), 16000)
    assert run("assistant_hook.py", tmp_path / "silence.wav", "hello") == "User: hello\n"
    code = """
from assistant_hook import prompt
from emotion_edge import Prediction
for label, status in (("angry", "ok"), ("angry", "uncertain"), ("neutral", "ok"), (None, "no_speech")):
    print(repr(prompt(Prediction(label, 0.9, {}, status, 0.0, 1.0, "test"), "hello")))
"""
    sure, uncertain, neutral, silent = map(eval, run("-c", code).splitlines())
    assert sure.startswith("The user sounds angry")
    assert sure.endswith("\nUser: hello")
    assert uncertain == neutral == silent == "User: hello"


ROS = {
    "rclpy/__init__.py": """
running = False
def init():
    global running
    running = True
def ok(): return running
def spin_once(node, timeout_sec): assert running
def try_shutdown():
    global running
    running = False
""",
    "rclpy/node.py": """
class Publisher:
    def __init__(self, kind, topic): self.kind, self.topic = kind, topic
    def publish(self, message):
        assert isinstance(message, self.kind)
        print(self.topic, message.data, flush=True)
class Node:
    def __init__(self, name): assert name.isidentifier()
    def create_publisher(self, kind, topic, depth): return Publisher(kind, topic)
    def destroy_node(self): print("destroyed")
""",
    "std_msgs/__init__.py": "",
    "std_msgs/msg.py": """
class String:
    def __init__(self, *, data): assert isinstance(data, str); self.data = data
""",
}


def test_the_ros_node_publishes_events(tmp_path):
    """It runs with stand-ins for the classes of rclpy: ROS 2 itself is not a Python package that a test can install."""
    for name, code in ROS.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(code)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    *lines, last = run("ros2_node.py", SLOW, PYTHONPATH=path).splitlines()
    assert last == "destroyed"
    events = [json.loads(line.removeprefix("emotion ")) for line in lines]
    assert {"enter", "leave"} <= {event["event"] for event in events}
