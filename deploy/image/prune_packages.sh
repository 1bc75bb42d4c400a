#!/bin/sh
# Remove from the embedder's packages what its image never runs. The build then encodes with what is left and compares the vectors
# (verify_model.py). usage: prune_packages.sh SITE-PACKAGES
set -eu
cd "$1"

# torch's headers, tests and tools, for programs that are compiled against it. torch_shm_manager stays: torch asks for it.
rm -r torch/include torch/test
find torch/bin -type f ! -name torch_shm_manager -delete

# The tests of the packages; type stubs, and sources that are compiled already.
find . -depth -type d -name tests -exec rm -r {} +
find . -type f \( -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.h' -o -name '*.c' -o -name '*.cpp' \) -delete

# Networks for pictures, sound and generated text. Those that embed texts stay, for a model other than the default. modular_*.py are
# what the authors of transformers generate the others from.
find transformers/models -type f \( -name 'modular_*.py' -o -name 'image_processing_*.py' -o -name 'video_processing_*.py' \) \
  ! -path '*/auto/*' -delete
for network in transformers/models/*/; do
  case $(basename "$network") in
    auto | albert | bert | camembert | deberta | deberta_v2 | distilbert | electra | gemma | gemma2 | gemma3) ;;
    llama | mistral | modernbert | mpnet | nomic_bert | qwen2 | qwen3 | roberta | t5 | xlm_roberta) ;;
    *) rm -f "$network"modeling_*.py ;;
  esac
done

# What the others require and no embedder imports: faster downloads from the Hugging Face Hub (which work without), the graph
# algorithms of a compiler, colours of a terminal, the validation of web requests, the building of extensions.
for package in hf_xet networkx pygments pydantic pydantic_core setuptools; do
  rm -r "$package" "$package"-*.dist-info
done
rm -r _distutils_hack distutils-precedence.pth torchgen/packaged torch/share

# Symbols for debuggers. The libraries in *.libs were rewritten by auditwheel, and strip damages them.
find . -type f -name '*.so*' ! -path '*.libs/*' -exec strip --strip-unneeded {} +
