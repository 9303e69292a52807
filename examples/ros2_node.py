"""A ROS 2 node that publishes every event as JSON on the topic /emotion: python examples/ros2_node.py

It needs rclpy: run `source /opt/ros/.../setup.bash` first, and use an environment with emotion-edge.
"""

import json
import sys

import rclpy
from rclpy.node import Node
from std_msgs.msg import String

from emotion_edge import EmotionEdgeError, Event, FileSource, Listener


class EmotionNode(Node):  # type: ignore[misc]
    """Publishes the events of a listener."""

    def __init__(self) -> None:
        super().__init__("emotion_edge")
        self._publisher = self.create_publisher(String, "emotion", 10)

    def publish(self, event: Event) -> None:
        """Called with every event, in the listener's thread; ROS allows publishing from any thread."""
        self._publisher.publish(String(data=json.dumps(event.to_dict())))


def main() -> None:
    """Listen to the default microphone, or to a file, until the sound or ROS ends."""
    rclpy.init()
    node = EmotionNode()
    source = FileSource(sys.argv[1]) if len(sys.argv) > 1 else None
    try:
        with Listener(source=source, on_event=node.publish) as listener:
            while rclpy.ok() and not listener.wait(0):
                rclpy.spin_once(node, timeout_sec=0.1)
    except EmotionEdgeError as error:
        node.get_logger().error(str(error))
    except KeyboardInterrupt:
        pass
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


if __name__ == "__main__":
    main()
