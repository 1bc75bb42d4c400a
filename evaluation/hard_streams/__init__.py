"""Generated streams of what labelled streams lack: look-alikes, templates, recurring items, walls, copies, flashes, disorder."""
