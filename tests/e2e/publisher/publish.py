"""Publishes a file once by RTMP, in real time and as it is."""

import sys
import time

import av


def main(path, url):
    with av.open(path) as source, av.open(url, "w", format="flv") as sink:
        # Opaque: its packets go on as they are, so that nothing need be there to encode their codec.
        streams = [sink.add_stream_from_template(stream, opaque=True) for stream in source.streams]
        began = time.monotonic()
        for packet in source.demux():
            if packet.dts is None:
                continue  # the last, which is empty
            due = began + float(packet.dts * packet.time_base)
            time.sleep(max(0, due - time.monotonic()))
            packet.stream = streams[packet.stream.index]
            sink.mux(packet)


main(*sys.argv[1:])
