# shellcheck shell=sh
# What the other scripts share: which platform this is, and how its package manager is asked. Sourced, not run.
#
# Nothing is installed without saying so first, and nothing comes from anywhere but the platform's own package manager.

say() {
    printf '==> %s\n' "$*"
}

fail() {
    printf '==> %s\n' "$*" >&2
    exit 1
}

has() {
    command -v "$1" >/dev/null 2>&1
}

# The package manager of this platform: brew, apt, dnf, apk, pacman, or nothing.
package_manager() {
    if [ "$(uname -s)" = Darwin ]; then
        echo brew
    elif has apt-get; then
        echo apt
    elif has dnf; then
        echo dnf
    elif has apk; then
        echo apk
    elif has pacman; then
        echo pacman
    fi
}

# Whether commands can be run as root; asked once, since sudo may want a password for the answer.
can_be_root() {
    if [ -z "${root_is_possible:-}" ]; then
        root_is_possible=no
        if [ "$(id -u)" -eq 0 ] || { has sudo && sudo true; }; then
            root_is_possible=yes
        fi
    fi
    [ "$root_is_possible" = yes ]
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# install PURPOSE PACKAGE...: says what it is about to do and installs the packages, or says who has to run what.
install() {
    purpose=$1
    shift
    case $(package_manager) in
    apt) by_hand="apt-get update && apt-get install -y $*" ;;
    dnf) by_hand="dnf install -y $*" ;;
    apk) by_hand="apk add $*" ;;
    pacman) by_hand="pacman -S $*" ;;
    brew) by_hand="brew install $*" ;;
    *) fail "$purpose. This platform's package manager is unknown here; install by hand: $*" ;;
    esac

    say "$purpose: installing $* ($(package_manager))."
    if [ "$(package_manager)" = brew ]; then
        has brew || fail "There is no Homebrew to do it with. Install Homebrew, then run: $by_hand"
        [ "$(id -u)" -ne 0 ] || fail "Homebrew refuses to run as root. As yourself, run: $by_hand"
    else
        can_be_root || fail "That takes root, and sudo is missing or refuses. As root, run: $by_hand"
    fi
    case $(package_manager) in
    apt)
        # A list that cannot be refreshed may still be good enough; the installation tells.
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -q update || say "Not every package list could be refreshed."
        as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@"
        ;;
    dnf) as_root dnf -y install "$@" ;;
    apk) as_root apk add "$@" ;;
    pacman) as_root pacman -S --needed --noconfirm "$@" ;;
    brew) brew install "$@" ;;
    esac || fail "The installation failed for the reason above. Mend that, then run: $by_hand"
}

# install_python_packages WHAT_THEY_DO REQUIREMENTS DIRECTORY: what is pinned there, in a virtual environment of its own.
install_python_packages() {
    cmp -s "$2" "$3/requirements.txt" && return 0
    say "Python packages $1 in the tests: installing them into $3 (pip)."
    rm -rf "$3"
    python3 -m venv "$3" 2>/dev/null ||
        { install "Python packages go into a virtual environment" python3-venv && python3 -m venv "$3"; }
    "$3/bin/pip" install --quiet --disable-pip-version-check --requirement "$2" ||
        fail "The installation failed for the reason above."
    cp "$2" "$3/requirements.txt"
}

# install_npm_packages WHAT_THEY_DO DIRECTORY: what is pinned there, beside it.
install_npm_packages() {
    cmp -s "$2/package-lock.json" "$2/node_modules/.installed" && return 0
    has npm || install "npm packages $1 in the tests" npm
    say "npm packages $1 in the tests: installing them into $2/node_modules (npm)."
    npm ci --prefix "$2" --ignore-scripts --no-audit --no-fund --loglevel=error || fail "The installation failed for the reason above."
    cp "$2/package-lock.json" "$2/node_modules/.installed"
}
