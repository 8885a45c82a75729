"""Words of the engine: files, the system, names and locks; those that are used all over the engine."""

from __future__ import annotations

from rvc_engine.messages.words.kinds import Plural, Words

REINSTALL = "pip install --force-reinstall rvc-tui; {do.doctor} checks the packages"

WORDS: dict[str, str | Plural | Words] = {
    # two statements
    "both": "{first}; {second}",
    # a path: what cannot be done with it
    "cannot_be_read": "{path} cannot be read",
    "cannot_be_used": "{path} cannot be used",
    "file_not_folder": "{path} is a file, not a folder",
    "no_file": "There is no file {path}",
    "no_folder": "There is no folder {path}",
    # why
    "is_empty": "it is empty",
    "is_folder": Words("it is a folder", "", "move it out of the way, or choose another path"),
    "is_no_file": "it is not a file",
    "is_not_there": Words("it does not exist", "", "check the path; it may have been moved or removed meanwhile"),
    "larger_than": "it is larger than {limit} bytes",
    "not_regular_file": "it is {thing}, not a regular file",
    "not_utf8": "it is not UTF-8 text (byte {byte}): save it as UTF-8",
    # what to do about it
    "check_path": "check the path",
    "check_path_disk_permissions": "check the path, the disk and its permissions",
    "check_path_permissions": "check the path and its permissions",
    "check_permissions": "check its permissions",
    "give_file": "give the path of a file",
    # what is not a regular file
    "device": "a device",
    "folder": "a folder",
    "kernel_file": "a file of the kernel",
    "named_pipe": "a named pipe",
    "socket": "a socket",
    # arrays
    "array_archive": Words("{path} does not fit", "it is an archive of arrays (.npz), not one array (.npy)"),
    "array_axes": Words("{path} does not fit", "expected numbers along {axes} axes, found the shape {shape}"),
    "array_damaged": "it is damaged, or holds objects instead of numbers",
    "array_not_finite": Words("{path} is damaged", "it holds numbers that are not finite"),
    "array_not_numbers": Words("{path} does not fit", "it holds {kind}, not real numbers"),
    "array_width": Words("{path} does not fit", "it is {width} wide, not {expected}"),
    "is_no_npy": "it is not a .npy file",
    "redo_clip": "remove that clip's files, or run the stages before again with {flag.fresh}",
    # records
    "not_object": "it is not a JSON object",
    "nested_too_deeply": "it is nested too deeply",
    "wrong_value": "{key!r} has a wrong value: {value}",
    "number_beyond_bounds": "a number out of range",
    "list_of": "a list of {count}",
    "object_of": "an object of {count}",
    # arguments of a command
    "action_similar": Words(
        "There is no command {program} {name}",
        "",
        "did you mean {program} {similar}? {program} {flag.help} lists all commands",
    ),
    "action_unknown": Words(
        "There is no command {program} {name}", "there are {choices}", "{program} {flag.help} explains them"
    ),
    "argument_unknown": Words(
        "Unexpected argument {name!r}",
        "",
        "put a name or path with spaces in quotes; {program} {flag.help} lists the arguments",
    ),
    "arguments_missing": Words("Missing: {names}", "", "write {usage}; {program} {flag.help} lists all arguments"),
    "help_of": "{program} {flag.help} explains it",
    "one_of": "it should be one of {choices}",
    "option_similar": Words(
        "There is no option {name}", "", "did you mean {similar}? {program} {flag.help} lists all options"
    ),
    "option_unknown": Words("There is no option {name}", "", "{program} {flag.help} lists all options"),
    "option_with_value": Words("{name} takes no value", "", "write {name} alone"),
    "option_without_value": Words("{name} needs a value", "", "write {usage}; {program} {flag.help} explains it"),
    "options_combined": Words("{name} and {other} cannot be combined", "", "give one of them"),
    # what the system refuses, with what to do
    "system_refused": "The system refused",
    "disk_full": Words("The disk is full", "", "free some space and run the same command again"),
    "disk_full_at": Words("The disk is full: {path}", "", "free some space and run the same command again"),
    "out_of_memory": Words("There is not enough memory", "", "end other programs, or use fewer workers"),
    "no_thread": "No thread can be started",
    "current_folder_gone": Words(
        "The current folder is gone",
        "it was removed or unmounted",
        "change to another folder (cd), then run it again",
    ),
    "no_folder_for_temporaries": Words(
        "There is no folder for temporary files",
        "neither TMPDIR nor /tmp can be written",
        "set TMPDIR to a folder that you can write to",
    ),
    "folder_for_temporaries_too_long": Words(
        "The path of the folder for temporary files is too long",
        "",
        "set TMPDIR to a shorter one, such as /tmp",
    ),
    "no_permission": Words(
        "no permission", "", "check its owner (ls -ld), change its permissions, or choose another place"
    ),
    "system_forbids": Words(
        "the system does not allow it", "", "check its owner and attributes (ls -ld, lsattr), or choose another place"
    ),
    "read_only": Words(
        "its file system is read-only",
        "",
        "choose another place: {flag.home} DIR, {flag.output} or TMPDIR on a disk that can be written",
    ),
    "path_through_file": Words("a part of its path is a file, not a folder", "", "check the path"),
    "already_there": Words("it already exists", "", "move it out of the way, or choose another path"),
    "folder_not_empty": Words("the folder is not empty", "", "move it out of the way"),
    "links_in_circle": Words("its symbolic links form a loop, or a link is not allowed here", "", "remove the link"),
    "name_too_long": Words("its name is too long", "", "choose shorter names of files and folders"),
    "file_too_large": Words(
        "a file would be larger than allowed",
        "",
        "raise the limit of the shell (ulimit -f unlimited) or use another file system",
    ),
    "too_many_files": Words(
        "too many files are open", "", "raise the limit of the shell (ulimit -n 4096), or use fewer workers"
    ),
    "too_many_files_on_machine": Words(
        "too many files are open on this machine", "", "end other programs, then run the same command again"
    ),
    "too_many_processes": Words(
        "the system allows no more processes or threads",
        "",
        "end other programs, raise the limit (ulimit -u), or use fewer workers",
    ),
    "not_enough_memory": Words("there is not enough memory", "", "end other programs, or use fewer workers"),
    "disk_fails": Words("the disk cannot be read or written", "", "copy your files to another disk, and see dmesg"),
    "lost_by_network": Words(
        "the network file system lost the file", "", "mount it again, then run the same command again"
    ),
    "network_not_connected": Words(
        "the network file system is not connected", "", "mount it again, then run the same command again"
    ),
    "no_answer_in_time": Words(
        "no answer in time", "", "check the network or the network file system, then run the same command again"
    ),
    "device_gone": Words("its device is gone", "", "connect it again, then run the same command again"),
    "in_use": Words("another program is using it", "", "end that program, then run the same command again"),
    "unknown_to_file_system": Words(
        "the file system does not support this", "", "use a workspace on another file system ({flag.home} DIR)"
    ),
    "unknown_to_system": Words(
        "the system does not support this", "", "use a workspace on another file system ({flag.home} DIR)"
    ),
    # this program's own errors
    "unexpected": "Unexpected {kind}",
    "report_file": "please report this with {path}",
    "report_place": "please report this: {file}, line {line} of version {version}",
    "report_unknown_place": "please report this: an unknown place of version {version}",
    "package_missing": Words("The package {package} is not installed", "", REINSTALL),
    "package_broken": Words("The package {package} cannot be loaded", "", REINSTALL),
    # homes
    "no_home": Words(
        "{path} cannot be found",
        "~ stands for a home folder, and this user has none",
        "write the whole path, or set HOME",
    ),
    # names of experiments and voices
    "name_of_no_folder": "a folder cannot have this name",
    "name_with_separator": "it contains a character that a folder's name cannot contain",
    "name_begins_dash": "it begins with -, as options do",
    "name_bytes": "it has {size} bytes, at most {longest} can be used",
    "name_spaces": "it begins or ends with a space",
    "name_begins_dot": "it begins with a dot, which hides it",
    "name_ends_dot": "it ends with a dot, which Windows drops",
    "name_invisible": "it contains a line break or another invisible character",
    "name_backslash": "it contains \\ or |, which other programs treat as the end of a name",
    "name_reserved": "Windows reserves that name for a device",
    "name_of_voice_file": "it ends as a voice's file does ({endings})",
    "name_of_saved_voice": "it looks like a saved voice of an experiment (NAME_e12_s340)",
    # locks
    "another_run": "Another run holds {name}",
    "another_process": "another process",
    "process": "process {pid} on {host}",
    "process_since": "process {pid} on {host}, since {since}",
    "process_last_seen": "process {pid} on {host}, since {since}, last seen {seen}",
    "attach_or_stop": "{do.attach} follows it, {do.stop} stops it",
    "take_over_if_none": "if there is no such process, {flag.take_over} takes its lock {path}",
    "take_over_if_gone": "stop it there; if it is gone, {flag.take_over} takes its lock {path}",
    "taken_over": "The lock of process {pid} on {host} is taken over: it was last seen {seen}",
    "taken_over_unknown": "The lock of another process is taken over",
    "locked": Words(
        "{path} is locked",
        "another process has held it for {seconds:.0f} s",
        "try again; if no such process is running, remove {path}",
    ),
    # what is given where a folder or a file is asked for
    "address": Words("{text} is an address, not {wanted}", "nothing is fetched from there"),
    "fetch_sound": (
        "download its audio first, if you may use it: yt-dlp -x --audio-format flac -P FOLDER {word}; then give "
        "{wanted}"
    ),
    "fetch_from_hub": (
        "fetch it first: hf download OWNER/NAME --repo-type dataset --local-dir FOLDER; then give {wanted}"
    ),
    "fetch_file": "fetch it first: curl -LO {word}, unpack it if it is an archive; then give {wanted}",
    "copy_here": "copy it to this machine first; then give {wanted}",
    "mount_host": "it is on {host}: mount it, or copy it here; then give {wanted}",
    "mount_other_machine": "it is on another machine: mount it, or copy it here; then give {wanted}",
    "windows_path": Words("{text} is a Windows path", "this system is not Windows"),
    "windows_drive": "under WSL it is {path}; elsewhere copy it to this machine",
    "windows_share": "mount {share} of {server} first (under WSL: mount -t drvfs {drive} /mnt/share), or copy it here",
    "windows_server": (
        "mount the share of {server} first (under WSL: mount -t drvfs {drive} /mnt/share), or copy it here"
    ),
    "wsl_path": "inside WSL it is {path}",
    "backslashes": Words(
        "There is no folder {path}", "\\ is not a path separator here", "write it with /: {with_slashes}"
    ),
    "folder_of_recordings": "the folder of recordings",
    "recording": "a recording",
    "place_for_results": "an output file or folder",
    "check_given_dataset": "check the path given with {flag.dataset}",
    "with_dataset": "{flag.dataset} {path}",
    "with_survey": "{do.survey}",
    "pattern": Words("{path} is a pattern, not a folder", "", "{give} takes every recording in it"),
    "give_its_folder": (
        "{give} takes the folder it is in, with all recordings there; or put it into a folder of its own"
    ),
    "archive": Words("{path} is {thing}, not a folder", "", "unpack it: {command}; then {give}"),
    "unpack_subfolders": (
        "unpack it: {command}; then {give} "
        "(with {set.preprocess.subfolders} where the recordings are in a folder inside it)"
    ),
    "unpack_7z": "7z x -o{folder} {file}",
    "unpack_rar": "unar -o {folder} {file}",
    "unpack_tar": "mkdir -p {folder} && tar -xf {file} -C {folder}",
    "unpack_zip": "python3 -m zipfile -e {file} {folder}",
    "packed_file": "a compressed file",
    "rar_archive": "a rar archive",
    "seven_zip_archive": "a 7z archive",
    "tar_archive": "a tar archive",
    "zip_archive": "a zip archive",
}
