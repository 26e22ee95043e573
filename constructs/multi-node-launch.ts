/**
 * Starts one MPI job over the pods of a group, in three parts of one program: `leader` and `worker` are the pods' commands,
 * and mpirun calls `agent` where it would call ssh.
 *
 * Open MPI asks its agent to run `orted` on a host, with arguments that say where mpirun waits (Open MPI 4.1,
 * orte/mca/plm/rsh/plm_rsh_module.c). Here the worker asks for them, and runs its own `orted`: no pod listens for commands,
 * nobody has keys or a right to `pods/exec`, and a worker runs nothing else, whatever it is told. What follows between
 * mpirun, the daemons and the ranks is plain TCP under any agent, ssh included: the network policy is what guards it.
 */
export const LAUNCH_PROGRAM = String.raw`import json
import os
import shlex
import socket
import sys
import tempfile
import time

# Worker N asks at the leader's port FIRST_PORT + N.
FIRST_PORT = 8100
HOST_FILE = os.path.join(tempfile.gettempdir(), "hosts")


def say(text):
    print("launch: " + text, file=sys.stderr, flush=True)


def leader(slots, *command):
    """Runs mpirun over all pods of the group, this one first."""
    name = socket.gethostname()
    hosts = [name] + [f"{name}-{index}" for index in range(1, int(os.environ["LWS_GROUP_SIZE"]))]
    with open(HOST_FILE, "w") as file:
        file.writelines(f"{host} slots={slots}\n" for host in hosts)
    os.environ.update(
        OMPI_MCA_orte_default_hostfile=HOST_FILE,
        OMPI_MCA_plm_rsh_agent=f"{sys.executable} {os.path.abspath(__file__)} agent",
        # mpirun asks for every daemon itself: workers have no agent.
        OMPI_MCA_plm_rsh_no_tree_spawn="1",
        # Daemons stay in the foreground: a worker's container lives as long as its daemon.
        OMPI_MCA_orte_leave_session_attached="1",
    )
    say("waiting for " + (", ".join(hosts[1:])))
    os.execvp(command[0], command)


def agent(host, *command):
    """Tells a host the arguments of its daemon, when it asks."""
    words = shlex.split(" ".join(command))
    # A prefix of assignments may stand before it: the worker has the same image, and its own environment.
    daemon = next(at for at, word in enumerate(words) if os.path.basename(word) == "orted")
    with socket.create_server(("", FIRST_PORT + int(host.rsplit("-", 1)[1]))) as server:
        while True:
            connection, (address, _) = server.accept()
            with connection:
                if address not in addresses(host):
                    say(f"{address} is not {host}: nothing for it")
                    continue
                connection.sendall(json.dumps(words[daemon + 1 :]).encode())
                say(f"{host} is there")
                return


def addresses(host):
    """Those of a pod of this group, by the group's headless Service."""
    domain = os.environ["LWS_LEADER_ADDRESS"].split(".", 1)[1]
    try:
        return {found[4][0] for found in socket.getaddrinfo(f"{host}.{domain}", None)}
    except socket.gaierror:
        return set()


def worker():
    """Runs the daemon that the leader's mpirun wants here."""
    place = (os.environ["LWS_LEADER_ADDRESS"], FIRST_PORT + int(os.environ["LWS_WORKER_INDEX"]))
    say(f"asking {place[0]}")
    while True:
        try:
            with socket.create_connection(place, timeout=10) as connection:
                arguments = json.loads(b"".join(iter(lambda: connection.recv(65536), b"")))
            break
        except (OSError, ValueError):
            # The leader's pod may be on its way, and mpirun with it.
            time.sleep(1)
    say("starting orted")
    os.execvp("orted", ["orted", *arguments])


PARTS = {"leader": leader, "agent": agent, "worker": worker}
PARTS[sys.argv[1]](*sys.argv[2:])
`;
