from rvc_engine.commands.cli import entry

if __name__ == "__main__":
    entry()
