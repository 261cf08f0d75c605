#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# generate.sh - the files by which GitHub Actions and GitLab run the matrix, one job for each release of versions/
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/tools/lib.sh"

usage()
{
	cat <<EOT
Usage: ci/generate.sh [--check] [DIR]
Write .github/workflows/matrix.yml and .gitlab-ci.yml of DIR (the project) from versions/.

  --check   write nothing; exit 1 if they are not what would be written
  --help    this text
EOT
}

check=n out=$top
while [ $# -gt 0 ]; do
	case $1 in
	--check) check=y ;;
	--help) usage; exit 0 ;;
	-*) die $EX_USAGE "unknown argument '$1'; see --help" ;;
	*) out=$1 ;;
	esac
	shift
done
list=$(releases | tr ' ' '\n' | sort -V | sed '/^$/d')
yaml=$(printf '%s\n' "$list" | paste -sd, | sed 's/,/, /g')
work=$(mktemp -d) || exit $EX_ENVIRONMENT
cleanup_on_exit "rm -rf '$work'"

cat >"$work/matrix.yml" <<EOT
# SPDX-License-Identifier: GPL-2.0-only
# Written by ci/generate.sh from versions/; do not edit.
name: matrix
on: [push, pull_request, workflow_dispatch]
permissions:
  contents: read
jobs:
  release:
    strategy:
      fail-fast: false
      matrix:
        release: [$yaml]
    runs-on: ubuntu-latest
    container: debian:bookworm
    timeout-minutes: 120
    steps:
      - run: apt-get update && apt-get install -y --no-install-recommends ca-certificates git make
      - uses: actions/checkout@v4
      - run: make setup
      - uses: actions/cache@v4
        with:
          path: ~/.cache/kcore
          key: kcore-\${{ matrix.release }}-\${{ github.run_id }}
          restore-keys: kcore-\${{ matrix.release }}-
      # 77: nothing could be run, and the report says why; a warning, not a success
      - run: |
          RELEASES=\${{ matrix.release }} ci/matrix.sh && exit 0
          [ \$? = 77 ] && echo "::warning::\${{ matrix.release }} was skipped: \$(grep -m 1 SKIP build/matrix/matrix.tap)"
      - uses: actions/upload-artifact@v4
        if: always()
        with:
          name: matrix-\${{ matrix.release }}
          path: build/matrix
EOT
cat >"$work/.gitlab-ci.yml" <<EOT
# SPDX-License-Identifier: GPL-2.0-only
# Written by ci/generate.sh from versions/; do not edit.
matrix:
  image: debian:bookworm
  timeout: 2 hours
  parallel:
    matrix:
      - RELEASE: [$yaml]
  variables:
    XDG_CACHE_HOME: \$CI_PROJECT_DIR/.cache
  cache:
    key: kcore-\$RELEASE
    paths: [.cache/kcore]
  before_script:
    - apt-get update && apt-get install -y --no-install-recommends ca-certificates git make
    - make setup
  script:
    - RELEASES=\$RELEASE ci/matrix.sh
  # nothing could be run, and the report says why: a warning, not a success
  allow_failure:
    exit_codes: 77
  artifacts:
    when: always
    paths: [build/matrix]
    reports:
      junit: build/matrix/junit.xml
EOT
status=0
for f in .github/workflows/matrix.yml .gitlab-ci.yml; do
	if [ $check = n ]; then
		install_changed "$work/${f##*/}" "$out/$f" || exit $EX_ENVIRONMENT
	elif ! diff -u "$out/$f" "$work/${f##*/}"; then
		note "$f: is not what ci/generate.sh writes from versions/; run 'make ci-files'"
		status=$EX_FAILED
	fi
done
exit $status
