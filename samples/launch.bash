# Starts a sample: finds a JDK, builds what is missing, keeps a start-up cache. Sourced by the samples' start scripts, which
# first say who they are:
#   name     in front of messages
#   sample   the sample's folder and Maven module
#   main     the main class, as MODULE/CLASS
#   native   the modules that may call native code
#   warm_up  arguments of a run that loads what a start needs; empty for no start-up cache
#   properties  an array of further options for the JVM; may be unset
# and then run: launch "$@"
#
# Environment:
#   VZ_JAVA_HOME  the JDK to use, 25 or later; else JAVA_HOME, else the newest in the usual folders
#   VZ_CACHE      where the start-up cache is kept (default: $XDG_CACHE_HOME/vz or ~/.cache/vz)
#   VZ_BUILD      auto (default): build what is missing or older than its sources; never: run what is there
#   VZ_AOT        on (default): keep a start-up cache of loaded classes; off: start without one
#   VZ_JAVA_OPTS  further options for the JVM
# shellcheck shell=bash
set -euo pipefail

minimum_java=25
samples=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
root=$(dirname "$samples")
# shellcheck disable=SC2154 # set by the script that sources this one
target=$samples/$sample/target
jar=$target/$sample.jar

fail() {
    # shellcheck disable=SC2154
    printf '%s: %s\n' "$name" "$1" >&2
    exit 1
}

# --------------------------------------------------------------------------------------------------------- the JDK

# The major version of the Java in folder $1, in java_version; fails if there is none.
java_version=0
look_at_java() {
    local line
    java_version=0
    [[ -x $1/bin/java && -r $1/release ]] || return 1
    while IFS= read -r line; do
        if [[ $line =~ ^JAVA_VERSION=\"([0-9]+) ]]; then
            java_version=${BASH_REMATCH[1]}
            return 0
        fi
    done <"$1/release"
    return 1
}

java_home=
find_java() {
    local folder best=0
    if [[ -n ${VZ_JAVA_HOME:-} ]]; then
        look_at_java "$VZ_JAVA_HOME" || fail "VZ_JAVA_HOME is $VZ_JAVA_HOME, where there is no JDK; set it to the folder of a JDK $minimum_java"
        ((java_version >= minimum_java)) || fail "VZ_JAVA_HOME is $VZ_JAVA_HOME, which is Java $java_version; set it to the folder of a JDK $minimum_java"
        java_home=$VZ_JAVA_HOME
        return
    fi
    if [[ -n ${JAVA_HOME:-} ]] && look_at_java "$JAVA_HOME" && ((java_version >= minimum_java)); then
        java_home=$JAVA_HOME
        return
    fi
    for folder in /usr/lib/jvm/* /usr/java/* /opt/java/* /opt/*jdk* "${HOME:-/nonexistent}"/.sdkman/candidates/java/* \
        "${HOME:-/nonexistent}"/.jdks/*; do
        if look_at_java "$folder" && ((java_version >= minimum_java && java_version > best)); then
            best=$java_version
            java_home=$folder
        fi
    done
    [[ -n $java_home ]] || fail "no JDK $minimum_java found in VZ_JAVA_HOME, JAVA_HOME, /usr/lib/jvm and the other usual folders; install one, for example Temurin $minimum_java, or set VZ_JAVA_HOME to its folder"
}

# --------------------------------------------------------------------------------------------------------- the build

must_build() {
    [[ ${VZ_BUILD:-auto} != never ]] || return 1
    [[ -e $jar && -d $target/modules ]] || return 0
    local sources=("$root/pom.xml" "$samples/pom.xml" "$samples/$sample/pom.xml" "$samples/$sample/src/main") folder
    for folder in "$root"/vz-*/; do
        sources+=("$folder/pom.xml")
        [[ ! -d $folder/src/main ]] || sources+=("$folder/src/main")
        [[ ! -d $folder/src/generated ]] || sources+=("$folder/src/generated")
    done
    [[ -n $(find "${sources[@]}" -type f -newer "$jar" -print -quit) ]]
}

# Waits for process $1, saying "$2" and the seconds meanwhile; ends with its status.
wait_aloud() {
    local start=$SECONDS status=0
    if [[ -t 2 ]]; then
        while kill -0 "$1" 2>/dev/null; do
            printf '\r\033[K%s: %s, %d s' "$name" "$2" $((SECONDS - start)) >&2
            sleep 0.5
        done
        printf '\r\033[K' >&2
    else
        printf '%s: %s\n' "$name" "$2" >&2
    fi
    wait "$1" || status=$?
    return $status
}

build() {
    local log=$target/build.log
    mkdir -p "$target" "$samples/target" 2>/dev/null ||
        fail "cannot write $target, where it has to be built; run it once as the user who owns that folder"
    # One lock for all samples: they are built from the same modules.
    exec 9>"$samples/target/build.lock"
    if ! flock -n 9; then
        printf '%s: waiting for another one that builds\n' "$name" >&2
        flock 9
    fi
    # Another one may have built it while this one waited.
    if must_build; then
        command -v mvn >/dev/null || fail "it has to be built first and Maven is not installed; run \"apt-get install maven\""
        # The jars alone: no tests, documentation or source archives.
        JAVA_HOME=$java_home mvn -B -f "$root/pom.xml" -pl "samples/$sample" -am -DskipTests -Dmaven.javadoc.skip=true \
            -Dmaven.source.skip=true -Dcyclonedx.skip=true package >"$log" 2>&1 </dev/null 9>&- &
        local maven=$!
        trap 'kill "$maven" 2>/dev/null; exit 130' INT TERM
        if ! wait_aloud "$maven" "building it with Maven (log: $log)"; then
            grep -m 12 '^\[ERROR\]' "$log" >&2 || tail -n 12 "$log" >&2
            fail "the build failed; all of its output is in $log"
        fi
        trap - INT TERM
        # Nothing may have had to be compiled; remember that it was looked at.
        touch "$jar"
    fi
    exec 9>&-
}

# --------------------------------------------------------------------------------------------------- the start-up cache

# The ahead-of-time cache (JEP 483, JEP 514) for these jars and this JDK, in aot; empty if there is none.
aot=
find_aot() {
    [[ -n $warm_up && ${VZ_AOT:-on} != off ]] || return 0
    local cache=${VZ_CACHE:-} key
    [[ -n $cache || ${XDG_CACHE_HOME:-} != /* ]] || cache=$XDG_CACHE_HOME/vz
    [[ -n $cache || -z ${HOME:-} ]] || cache=$HOME/.cache/vz
    [[ -n $cache ]] || return 0
    key=$(stat -c '%n %s %Y' "$jar" "$target"/modules/*.jar "$java_home/release" | cksum)
    aot=$cache/start/${key%% *}.aot
    [[ ! -e $aot ]] || return 0
    make_aot "$aot" || aot=
}

# A failure here costs half a second at each start and nothing else, so it is remembered and not repeated.
make_aot() {
    [[ ! -e $1.log ]] && mkdir -p "${1%/*}" 2>/dev/null && [[ -w ${1%/*} ]] || return 1
    find "${1%/*}" -type f -mtime +30 -delete
    local draft=$1.$$
    start "-XX:AOTCacheOutput=$draft" -- "$warm_up" >"$1.log" 2>&1 </dev/null &
    wait_aloud $! "preparing a start-up cache, once" && [[ -s $draft ]] && mv "$draft" "$1" && rm -f "$1.log"
}

# ------------------------------------------------------------------------------------------------------------- the start

# start JVM-OPTION… -- ARGUMENT…
start() {
    local options=()
    while [[ $1 != -- ]]; do
        options+=("$1")
        shift
    done
    shift
    # Messages of the JVM itself must not get into a guest's output: only errors, and to standard error.
    # shellcheck disable=SC2086 # VZ_JAVA_OPTS holds several words.
    exec "$java_home/bin/java" -Xlog:disable -Xlog:all=error:stderr -XX:+UseSerialGC -XX:-UsePerfData \
        --enable-native-access="$native" ${options[@]+"${options[@]}"} ${properties[@]+"${properties[@]}"} ${VZ_JAVA_OPTS:-} \
        --module-path "$jar:$target/modules" --module "$main" "$@"
}

launch() {
    find_java
    if must_build; then
        build
    fi
    [[ -e $jar ]] || fail "it has not been built and VZ_BUILD is ${VZ_BUILD:-auto}; unset VZ_BUILD, or run \"mvn package\" in $root"
    find_aot
    start ${aot:+"-XX:AOTCache=$aot"} -- "$@"
}
