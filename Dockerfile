# A host for `ssh -t HOST gd-tui`, with your public key as the learner's:
#
#     docker build -t gd-tui .
#     docker run -d -p 127.0.0.1:2222:22 -v ~/.ssh/id_ed25519.pub:/keys/learner:ro -v gd-tui:/home/learner gd-tui
#     ssh -t -p 2222 learner@localhost gd-tui
#
# Each file in /keys lets a user of that name in who exists in the container.

FROM python:3.13-slim AS develop
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        chromium-headless-shell fonts-dejavu-core git openssh-client openssh-server screen tmux \
        xclip xdotool xterm xvfb \
    && rm -rf /var/lib/apt/lists/*

FROM python:3.13-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends openssh-server tmux \
    && rm -rf /var/lib/apt/lists/* /etc/ssh/ssh_host_* \
    && mkdir -p /run/sshd /keys \
    && useradd --create-home --shell /bin/bash --password '*' learner
COPY . /src
RUN pip install --no-cache-dir /src && rm -rf /src
# the key in /keys belongs to a user of the machine around: no strict modes
RUN printf '%s\n' \
        'AuthorizedKeysFile /keys/%u' \
        'PasswordAuthentication no' \
        'PermitRootLogin no' \
        'StrictModes no' \
        'AllowTcpForwarding no' \
        'X11Forwarding no' \
        'AcceptEnv COLORTERM NO_COLOR' \
        'SetEnv LANG=C.UTF-8' \
        > /etc/ssh/sshd_config.d/gd-tui.conf
EXPOSE 22
# every container makes host keys of its own
CMD ["sh", "-c", "ssh-keygen -A && exec /usr/sbin/sshd -D -e"]
