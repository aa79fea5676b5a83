# row: 45
# rule: No network: neither the internet, nor the metadata service, nor the host's own ports.
# stdout: 4 refused
import socket
refused = 0
for place in (("8.8.8.8", 53), ("169.254.169.254", 80), ("127.0.0.1", 6379), ("127.0.0.1", 22)):
    try:
        socket.create_connection(place, timeout=2)
    except OSError:
        refused += 1
print(refused, "refused")
