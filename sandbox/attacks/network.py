# row: 45
# rule: No network: neither a port that listens on the host's loopback, nor the internet, nor the metadata service.
# given: {port}
# stdout: 4 refused
import socket
refused = 0
for place in (("127.0.0.1", int(open("given").read())), ("127.0.0.1", 22), ("8.8.8.8", 53), ("169.254.169.254", 80)):
    try:
        socket.create_connection(place, timeout=2)
        print("connected", place)
        break
    except OSError:
        refused += 1
print(refused, "refused")
