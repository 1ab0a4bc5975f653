# Which processes `dev/up` starts and `dev/down` stops, and where they leave their traces. Sourced by both.
# shellcheck shell=bash

# shellcheck disable=SC2034 # used by the scripts that source this
# shellcheck disable=SC2154 # the script that reads this in says where it is: in $here
readonly run=${here%/dev}/.run
# In the order of stopping: first who writes, then who reads.
# shellcheck disable=SC2034
readonly processes=(simulate process views dashboard)
