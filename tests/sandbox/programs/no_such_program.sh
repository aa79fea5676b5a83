# row: 91
# rule: A file in the box that can't be executed fails as a program.
# status: runtime_error
# argv: /box/program.sh
# exit_code: 126
this is no program
