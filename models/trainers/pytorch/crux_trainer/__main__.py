from crux_trainer.cli import main

raise SystemExit(main())
