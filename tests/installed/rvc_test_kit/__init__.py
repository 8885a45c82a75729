"""What the tests add to the program in all its processes, as another package would: by the entry points in
../rvc_test_kit-1.0.dist-info. tests/conftest.py puts this folder on PYTHONPATH."""
