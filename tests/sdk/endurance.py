"""Sudden deaths while changes are made."""

import random
import threading
import time

from ice import Ice
from server import Server


def case_kill_9_keeps_every_acknowledged_change_and_no_half_of_one():
    with Server() as server:
        acknowledged, unknown = set(), set()
        Ice(server).group("g")
        Ice(server).channel("base")
        for life in range(8):
            stop = threading.Event()

            def write(worker):
                ice, n = Ice(server), 0
                while not stop.is_set():
                    name = f"c{life}-{worker}-{n}"
                    n += 1
                    try:
                        ice.channel(name)
                        acknowledged.add(name)
                    except Exception:
                        unknown.add(name)
                        return

            writers = [threading.Thread(target=write, args=(worker,)) for worker in range(3)]
            for writer in writers:
                writer.start()
            time.sleep(0.2 + random.random() * 0.3)
            server.kill()
            stop.set()
            for writer in writers:
                writer.join()
            server.start()
            ice, there, page = Ice(server), {}, 1
            while True:
                listed = ice.list_live_package_channels(group_name="g", page_no=page, page_size=100)
                there |= {c.channel_name: c for c in listed.live_package_channels}
                if page * 100 >= listed.total_count:
                    break
                page += 1
            lost = acknowledged - set(there)
            assert not lost, f"lost in life {life}: {sorted(lost)}"
            strange = set(there) - acknowledged - unknown - {"base"}
            assert not strange, strange
            for channel in there.values():
                assert len(channel.ingest_endpoints) == 2 and channel.ingest_endpoints[1].password
        assert len(acknowledged) > 8, "hardly anything was written"
        print(f"        {len(acknowledged)} changes acknowledged over 8 deaths, {len(unknown)} cut short")
