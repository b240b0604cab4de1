# Trains models as the shipped ones, from the data of their cards, and scores them as the cards do:
#
#     make carla-fast TOWN07=DIR    make carla-accurate TOWN07=DIR
#
# DIR: the recording of Town07 that the cards name, CameraRGB/ and CameraMask/. All goes to the folder
# retrained/ (RETRAINED=). Stopped, the same command goes on with what is not yet done. FLAGS: what train.fit
# is to take otherwise, when it starts.
TOWN07 ?=
RETRAINED ?= retrained
FLAGS ?=

TRAIN = .venv-full/bin/python -m train
EVERY_FAMILY = view,hood,materials,light,weather,sensor,mix
# Drives and frames of each seed of train.render; 77 is for the figures.
RENDER_1 = --drives 36 --frames 150
RENDER_3 = --drives 36 --frames 200
RENDER_4 = --drives 20 --frames 200
RENDER_77 = --drives 4 --frames 40

STREETS_carla-fast = 1
RECIPE_carla-fast = --network efficientnet_unet --filters 16 --height 128 --width 192 \
    --epochs 8 --learning-rate 7e-4 --augment $(EVERY_FAMILY)
STREETS_carla-accurate = 3 4
RECIPE_carla-accurate = --from carla-fast --height 256 --width 320 \
    --batch 16 --epochs 4 --coarse 0.75 --learning-rate 1.5e-3 --augment $(EVERY_FAMILY) \
    --precision mixed_bfloat16 --calibration-frames 0

.PHONY: carla-fast carla-accurate
.SECONDARY:  # nothing is taken away again
.SECONDEXPANSION:

carla-fast:  ## Train one as the default model (TOWN07=DIR of the recording that its card names)
carla-accurate:  ## One as carla-accurate, from carla-fast
carla-fast carla-accurate: %: $(RETRAINED)/scores/%-town07 $(RETRAINED)/scores/%-streets

$(RETRAINED)/town07: | .venv-full/ready
	@test -d '$(TOWN07)/CameraRGB' || { echo "TOWN07='$(TOWN07)' holds no CameraRGB/;" \
	    "name the recording of Town07 (models/carla-fast/README.md): make TOWN07=DIR ..."; exit 1; }
	$(TRAIN).relabel --data '$(TOWN07)' --out $@ --town Town07

$(RETRAINED)/rendered-%.done: | .venv-full/ready
	$(TRAIN).render --out $(basename $@) $(RENDER_$*) --seed $* --jobs 2
	touch $@

$(RETRAINED)/models/%: | $(RETRAINED)/town07 \
    $$(foreach seed,$$(STREETS_$$*),$(RETRAINED)/rendered-$$(seed).done)
	$(TRAIN).fit --data $(RETRAINED)/town07 \
	    --extra $(foreach seed,$(STREETS_$*),$(RETRAINED)/rendered-$(seed)) --models $(@D) \
	    $(if $(wildcard $(RETRAINED)/runs/$*),--resume $(RETRAINED)/runs/$*, \
	        --name $* --runs $(RETRAINED)/runs $(RECIPE_$*) $(FLAGS))

$(RETRAINED)/scores/%-town07: | $(RETRAINED)/models/%
	$(TRAIN).evaluate --model $(RETRAINED)/models/$* --data $(RETRAINED)/town07 \
	    --only $(RETRAINED)/models/$*/validation.txt --out $@

$(RETRAINED)/scores/%-streets: | $(RETRAINED)/models/% $(RETRAINED)/rendered-77.done
	$(TRAIN).evaluate --model $(RETRAINED)/models/$* --data $(RETRAINED)/rendered-77 --out $@
